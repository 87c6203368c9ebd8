/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from tenantd made harmless for a terminal.  Parts of it were written by
 * tenants or callers: the reason of a crash, a suspension's reason.
 */
#ifndef ADMIN_CLI_CLEAN_H
#define ADMIN_CLI_CLEAN_H

#include "base/str.h"

/* Appends UTF-8 text; control characters (C0, DEL, C1), line and direction
 * marks (which would reorder what is read) and bytes that are no UTF-8 become
 * '?'. */
void clean_add(struct text *out, const char *s);

/* The same for output that comes in pieces, with its lines and tabs; carriage returns
 * and zero bytes become blanks.  PART begins as zeros and holds a character that is
 * not whole yet; clean_add_rest() is for the end. */
struct clean_part {
	char held[5];
	size_t count;
};

void clean_add_piece(struct text *out, struct clean_part *part, const char *data, size_t size);
void clean_add_rest(struct text *out, struct clean_part *part);

/* As clean_add(), and a field of CSV (RFC 4180). */
void clean_add_csv(struct text *out, const char *s);

#endif
