/* SPDX-License-Identifier: Apache-2.0 */
/* The pools of PHP-FPM's configuration files, read as the caller. */
#ifndef ADMIN_CLI_FPM_FILES_H
#define ADMIN_CLI_FPM_FILES_H

#include <jansson.h>

#include "base/err.h"

#define FPM_FILE_MAX (256 * 1024)	/* bytes of a file */
#define FPM_FILES_MAX 1000		/* files, with those that are included */
#define FPM_ROWS_MAX 4000		/* directives in all of them: they are shown in one table */
#define FPM_DEPTH_MAX 8			/* files that include one another */

/* Reads a file, or all *.conf of a folder in the order of their names, and what
 * they include.  *out is the caller's: an array of
 *   {"pool": name, "options": {name: value}, "rows": [{"pool", "directive",
 *    "value", "becomes", "why"}]}
 * in the order of the pools; a [global] section is in it as "global", with no
 * options.  What cannot be read or FPM would refuse is ERR_USAGE and names file
 * and line. */
int fpm_files_read(const char *path, json_t **out, struct err *err);

#endif
