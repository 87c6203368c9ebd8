/* SPDX-License-Identifier: Apache-2.0 */
/* A reply's data as text for people and scripts. */
#ifndef ADMIN_CLI_SHOW_H
#define ADMIN_CLI_SHOW_H

#include <jansson.h>

#include "admin-cli/args.h"
#include "base/str.h"

/* Appends one value in a line: arrays joined by commas, objects as `key=value`. */
void show_value(struct text *out, const json_t *value);

/* Appends an object as `key: value` lines, nested ones indented; as CSV or
 * plain: `key,value` or key, tab, value, with nested keys joined by dots. */
void show_object(struct text *out, const json_t *object, enum args_format format);

/* Appends " (NAME)", the name as people write it, where an object's "site" is
 * an internationalized one.  Behind that name, and only in what people read. */
void show_for_people(struct text *out, const json_t *object);

/* The id of what a dry run would change. */
#define SHOW_CHANGES (-1)

/* Whether this command's or route's data is a list. */
bool show_is_list(int id);

/* Appends the rows of such a list: an array of objects, alone or the first one
 * in an object.  CSV and plain have a fixed set of columns. */
void show_list(struct text *out, const json_t *data, int id, enum args_format format);

/* Appends the steps of a change with their times, if the data has "steps". */
void show_steps(struct text *out, const json_t *data);

/* An object, the caller's: of each entry of the array KEY the value of VALUE, by its name. */
json_t *show_by_name(const json_t *data, const char *key, const char *value);

/* Appends what a repair found: a part and a sentence each, if the data has "wrong". */
void show_wrong(struct text *out, const json_t *data);

#endif
