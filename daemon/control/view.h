/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants, states and plans as JSON, out of the store and the live facts. */
#ifndef DAEMON_CONTROL_VIEW_H
#define DAEMON_CONTROL_VIEW_H

#include <jansson.h>

#include "base/err.h"
#include "daemon/control/live.h"
#include "schema/mail_wire.h"
#include "schema/settings.h"
#include "tenants/store/store.h"

/* Everything that is recorded of a tenant.  NULL and *err on failure. */
json_t *view_tenant(struct store *s, const struct settings *set, const struct tenant *t,
		    struct err *err);

/* The options that this machine does not enforce, by the supervisor's record of it. */
json_t *view_not_enforced(const char *run_dir);

/* Live facts of one tenant.  STATUS is NULL if the supervisor has no such tenant, MAIL
 * if tenant-mail does not answer. */
json_t *view_status(const struct tenant *t, const struct wire_status *status,
		    const struct wire_board *board, const struct mail_count *mail);

/* What came of trying the promises: {"checks":[{"site","id","result","promise","found",
 * "class","severity"}],"held","failed","skipped"}; broken and unproven ones failed. */
json_t *view_verify(const struct tenant *t, const struct wire_promise *rows, size_t count);

/* {"tenants":[...],"supervisor":"reachable"|"away"}. */
json_t *view_list(struct store *s, struct live *live, struct err *err);

/* {"plans":[{"name","parent","sentence","tenants","options","overrides"}]}. */
json_t *view_plans(struct store *s, struct err *err);

/* One plan, and how many of the sites that follow it, or follow a plan that
 * inherits from it, are not yet as it says: null if that cannot be known, which
 * is so without LIVE. */
json_t *view_plan(struct store *s, struct live *live, const char *name, struct err *err);

/* A version of PHP that is the default, is there, or is wanted by sites. */
struct php_use {
	char version[SETTING_TEXT_MAX];
	uint64_t sites;
};
/* *out is the caller's to free. */
int view_php_uses(struct store *s, const struct settings *set, struct php_use **out,
		  size_t *out_count, struct err *err);

/* {"versions":[{"version","is_default","state","sites","reason"}]}, oldest first. */
json_t *view_php(struct store *s, const struct settings *set, struct err *err);

/* {"removed":[{"number","site","plan","removed_at","kept_until"}]}. */
json_t *view_removed(struct store *s, const struct settings *set, struct err *err);

/* All values; the names of those that are set. */
json_t *view_options(const struct options *o);
json_t *view_option_names(const struct overrides *o);

/* Number of tenants by state, and "all". */
json_t *view_counts(struct store *s, struct err *err);

#endif
