/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of an option, by its row: what a number looks like to people and back, what a
 * short text may hold, and what to say where it is something else.  For options.c; lists are
 * option_list.h's.
 */
#ifndef SCHEMA_OPTION_VALUE_H
#define SCHEMA_OPTION_VALUE_H

#include <stdbool.h>

#include "schema/options.h"

/* Writes a number in its canonical form, which option_value_parse() takes back. */
void option_value_format(const struct option_row *row, uint64_t value, char *out, size_t size);

/* Reads a number as people write it; its range is the caller's to check.  0, or -1. */
int option_value_parse(const struct option_row *row, const char *value, uint64_t *out);

/* True if a TEXT, URI, LINE or VERSION option may have this value. */
bool option_text_is_safe(const struct option_row *row, const char *s);

/* Fails with ERR_BAD_OPTION: names option and value, and says what it takes. */
int option_value_refuse(const struct option_row *row, const char *value, struct err *err);

#endif
