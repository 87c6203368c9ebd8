/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change would change, for dry runs: a list of
 * {"what","from","to","touches":[...]}; from or to is null where there is
 * nothing.  touches says what of the running site is concerned: home, kernel
 * (limits of the living pool), pool (a new one takes over), nginx.
 */
#ifndef DAEMON_CONTROL_DIFF_H
#define DAEMON_CONTROL_DIFF_H

#include <jansson.h>

#include "base/err.h"
#include "tenants/store/store.h"

/* From one row to the other; state TENANT_NONE is no site.  NULL and *err on
 * failure. */
json_t *diff_tenants(struct store *s, const struct tenant *from, const struct tenant *to,
		     struct err *err);

/* From one plan to the other, with what they inherit; an empty name is no plan. */
json_t *diff_plans(const struct plan *from, const struct options *from_options,
		   const struct plan *to, const struct options *to_options);

#endif
