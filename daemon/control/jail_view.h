/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `show SITE --jail`: what the kernel enforces on the living pool beside what
 * the record says.  Reads texts of /proc that the supervisor passed on.  Pure.
 */
#ifndef DAEMON_CONTROL_JAIL_VIEW_H
#define DAEMON_CONTROL_JAIL_VIEW_H

#include <jansson.h>

#include "schema/options.h"
#include "schema/settings.h"
#include "schema/wire.h"
#include "tenants/tenant.h"

/* {"site","number","generation","facts":[{"process","fact","record","kernel",
 * "result"}],"failed"}; result is OK, FAILED where the two differ, or INFO.
 * O are the options in force.  All texts in J end. */
json_t *jail_view(const struct settings *set, const struct tenant *t, const struct options *o,
		  const struct wire_jail *j);

#endif
