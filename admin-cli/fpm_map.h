/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a directive of a PHP-FPM pool to an option of ours, or to the reason why
 * there is none.  What maps is derived from the column "known as" of
 * schema/options.def; what does not is told by schema/fpm_dropped.def.  Pure.
 */
#ifndef ADMIN_CLI_FPM_MAP_H
#define ADMIN_CLI_FPM_MAP_H

#include "admin-cli/fpm_line.h"

struct fpm_mapped {
	char option[OPTION_NAME_MAX * 2];	/* "max_children", "env.NAME"; "": it is dropped */
	char value[OPTION_LIST_MAX];		/* which the option takes */
	char why[ERR_TEXT_MAX];			/* it is dropped */
};

/* Maps an entry of this POOL's section. */
void fpm_map(const struct fpm_line *line, const char *pool, struct fpm_mapped *out);

#endif
