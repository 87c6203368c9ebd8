/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has nginx look at the staged tree as if it were in place: `nginx -t` in a
 * mount namespace of its own, where the staged tree lies over the live one.
 */
#ifndef TENANTS_NGINX_TEST_H
#define TENANTS_NGINX_TEST_H

#include "base/err.h"
#include "schema/settings.h"

#define NGINX_TEST_LIMIT_S 60

/* ERR_NGINX with nginx's own first complaint; ERR_CONFLICT if one of our host
 * names is served by a file that is not ours. */
int nginx_test(const struct settings *s, struct err *err);

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
