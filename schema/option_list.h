/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that hold a list, as text of at most OPTION_LIST_MAX bytes with its
 * terminator, always in one canonical form:
 *
 *   NAMES  names joined by commas, in the order given, none twice
 *   KEYED  one line per entry, "name=value\n", in the order of the names;
 *          people write each entry as an option of its own, `env.NAME=VALUE`
 *
 * Which names are allowed is a matter of the option (option_list.c has the
 * table).  A setting of PHP that the system itself needs as it is, or that has an
 * option of its own, is locked: control, builder and pool refuse it alike.
 */
#ifndef SCHEMA_OPTION_LIST_H
#define SCHEMA_OPTION_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/options.h"

struct option_entry {
	char name[OPTION_NAME_MAX];
	const char *value;	/* in the list, not terminated */
	size_t value_size;
};

/* The entry at *AT of a KEYED option's text, which then stands behind it; begin
 * with the text itself.  False at the end. */
bool option_list_next(const char **at, struct option_entry *out);

/* The name at *AT of a NAMES option's text, likewise. */
bool option_list_name(const char **at, char out[OPTION_NAME_MAX]);
bool option_list_has(const char *list, const char *name);

/* Sets or (VALUE is NULL) removes one entry of a KEYED option.  ERR_BAD_OPTION,
 * then the list is untouched. */
int option_list_set(const struct option_row *row, char list[OPTION_LIST_MAX], const char *name,
		    const char *value, struct err *err);

/* Reads a whole list as people or options_format() write it.  Entries of a KEYED
 * option are added to those of LIST; NAMES replace it.  ERR_BAD_OPTION. */
int option_list_parse(const struct option_row *row, char list[OPTION_LIST_MAX], const char *text,
		      struct err *err);

/* Checks a list of another process: any bytes.  ERR_BAD_OPTION. */
int option_list_check(const struct option_row *row, const char list[OPTION_LIST_MAX],
		      struct err *err);

#endif
