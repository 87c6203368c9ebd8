/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of PHP side by side: each has a folder LIBEXEC/php/VERSION with its own
 * programs and links to what they need of that PHP (libphp.so, extensions, php).  What
 * is there is looked up each time, so a version that a package brings can be had at once.
 */
#ifndef TENANTS_PHP_VERSIONS_H
#define TENANTS_PHP_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "schema/options.h"
#include "schema/settings.h"

#define PHP_VERSIONS_MAX 32

struct php_versions {
	size_t count;
	char name[PHP_VERSIONS_MAX][OPTION_TEXT_MAX];	/* oldest first */
};

/* Those that have a pool program. */
int php_versions_read(const struct settings *s, struct php_versions *out, struct err *err);

/* The version of a tenant with these options.  Borrowed from one of the two. */
const char *php_version_of(const struct settings *s, const struct options *o);

/* What a version lacks to be run, in words; nothing where all is there. */
void php_version_lacks(const struct settings *s, const char *version, struct text *out);

/* Whether this machine has the version and the extensions that the options ask for.
 * ERR_BAD_OPTION, naming the versions that there are. */
int php_check(const struct settings *s, const struct options *o, struct err *err);

/* Whether the two ask for another version or other extensions.  What a machine has lost
 * must not keep a site from other changes, so only a move is checked. */
bool php_is_moved(const struct options *from, const struct options *to);

#endif
