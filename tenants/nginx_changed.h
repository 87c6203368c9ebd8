/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files of the staged tree nginx does not know yet.  The others are links
 * to files that it reads now: what it has taken once it takes again.
 */
#ifndef TENANTS_NGINX_CHANGED_H
#define TENANTS_NGINX_CHANGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/settings.h"

#define NGINX_CHANGED_MAX 64
#define NGINX_FILE_MAX 32	/* N.conf, or the shared file */

/* The files of sites and the shared one; with none, the tree is looked at whole. */
struct nginx_changed {
	char file[NGINX_CHANGED_MAX][NGINX_FILE_MAX];
	size_t count;
};

/* Compares the staged tree with the live one in NGINX.  COUNT stays 0 where the
 * tree is to be looked at whole: what all sites share is another than before but for
 * the REVISION, or there are too many changes. */
int nginx_changed_find(const struct settings *s, int nginx, uint32_t revision,
		       struct nginx_changed *out, struct err *err);

#endif
