/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has nginx look at a tree of sites: `nginx -t` in a mount namespace of its own, where
 * what it is to see lies over the live tree.
 *
 * Of a staged tree it sees what is new, beside the shared file and all that is not ours: each
 * site is a server of its own, so that one which nginx took before stays good whatever
 * comes beside it.  A thousand sites need not be read for one.  That no two of ours have a
 * name in common the builder sees to.
 */
#ifndef TENANTS_NGINX_TEST_H
#define TENANTS_NGINX_TEST_H

#include "base/err.h"
#include "schema/settings.h"
#include "tenants/nginx_changed.h"

#define NGINX_TEST_LIMIT_S 60

/* What nginx sees: of the staged tree these files, or with none of them all of it; without
 * CHANGED the live tree.  ERR_NGINX with nginx's own first complaint; ERR_CONFLICT if one of
 * the host names there is served by a file that is not ours. */
int nginx_test(const struct settings *s, const struct nginx_changed *changed, struct err *err);

/* Takes one line of nginx's output.  Fills WHY, once, with the first complaint
 * or the first host name of ours that is served elsewhere.  For nginx_test()
 * and its unit test. */
struct nginx_output {
	struct err why;		/* code 0: nothing to complain about so far */
	char first[256];	/* the first line, whatever it says */
};
void nginx_output_line(struct nginx_output *o, const char *line,
		       int (*is_ours)(const char *host, void *arg), void *arg);

#endif
