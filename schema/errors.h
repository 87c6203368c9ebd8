/* SPDX-License-Identifier: Apache-2.0 */
/* The error codes of errors.def and what the outside sees of them. */
#ifndef SCHEMA_ERRORS_H
#define SCHEMA_ERRORS_H

#include "base/err.h"

#undef ERR_SYSTEM	/* base/err.h names the first row by a macro; here it is a constant */
enum err_code {
	ERR_NONE = 0,
#define ERR(name, text, number, status, http, sentence, next) ERR_##name = number,
#include "schema/errors.def"
#undef ERR
	ERR_CODES		/* one more than the highest number */
};

struct error_row {
	int number;
	const char *name;	/* lower case, as in API replies */
	int exit_status;
	int http_status;
	const char *sentence;
	const char *next;	/* what to type then, with marks for advice.c */
};

/* What the exit statuses mean, for manuals. */
#define ERROR_EXIT_STATUSES \
	"0 done, also when nothing had to change; 1 failed; 2 usage; 3 not found; 4 conflict; " \
	"5 refused by policy or range; 6 daemon not reachable."

/* The row of CODE; of `failed` for a number that is in no row, since codes
 * also arrive from other processes. */
const struct error_row *error_row(int code);

/* The row by its lower-case name, or NULL. */
const struct error_row *error_by_name(const char *name);

/* All rows in the order of the table. */
extern const struct error_row error_rows[];
extern const int error_row_count;

#endif
