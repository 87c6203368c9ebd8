/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a web server says to the script that is meant: SCRIPT_FILENAME and
 * its relatives, PATH_INFO, SCRIPT_NAME, as PHP-FPM works them out under
 * cgi.fix_pathinfo.  Asks the file system whether paths exist, and decides
 * nothing about what may run: sapi_script.c does.
 */
#ifndef POOL_TRANSLATE_H
#define POOL_TRANSLATE_H

#include <stdbool.h>

#include "pool/params.h"

struct translate_rules {
	bool fix_pathinfo;
	bool discard_path;	/* only without fix_pathinfo: ignore PATH_TRANSLATED */
	bool (*exists)(const char *path, bool must_be_file);
	bool decode_info;	/* path info out of Apache's path, as newer PHP-FPM has it */
};

struct translation {
	const char *script;	/* in the table, or NULL: there is none */
	bool is_missing;	/* a path came, and no part of it is a file */
	char *uri;		/* what $_SERVER['PHP_SELF'] begins with; in the table, or NULL */
};

/* Works on the table: corrected variables are set, and what was sent is kept
 * under ORIG_ names, as applications know it. */
struct translation translate(struct params *p, const struct translate_rules *rules);

/* True if no component is `..`. */
bool translate_is_plain(const char *path);

#endif
