/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a PHP-FPM configuration.  FPM reads its files line by line with
 * PHP's ini grammar; so does this, with the same refusals.  Pure.
 */
#ifndef ADMIN_CLI_FPM_LINE_H
#define ADMIN_CLI_FPM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/options.h"

#define FPM_LINE_MAX 4096	/* bytes of a line with its terminator */

enum fpm_kind { FPM_BLANK, FPM_SECTION, FPM_ENTRY };

struct fpm_line {
	enum fpm_kind kind;
	char name[OPTION_NAME_MAX];	/* of the section, or of the directive */
	char key[OPTION_NAME_MAX];	/* in php_value[KEY]; "" in others */
	char value[OPTION_LIST_MAX];	/* without quotes; a bare on is "1", a bare off "" */
	bool is_computed;		/* an expression, a constant or ${NAME}, as it stands */
};

/* Reads SIZE bytes without the line's end.  What FPM would refuse, or what is
 * longer than the fields above, is ERR_USAGE. */
int fpm_line_parse(const char *data, size_t size, struct fpm_line *out, struct err *err);

#endif
