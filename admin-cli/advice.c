/* SPDX-License-Identifier: Apache-2.0 */
/* One row per error that a next command helps with. */
#include "admin-cli/advice.h"

#include "admin-cli/clean.h"
#include "schema/errors.h"

static const struct advice_row {
	enum err_code code;
	const char *before, *after;	/* around the site's name; after NULL: no name */
} rows[] = {
	{ ERR_USAGE, "see: tenantctl --help", NULL },
	{ ERR_UNKNOWN_SITE, "see: tenantctl list; tenantctl list --removed", NULL },
	{ ERR_CONFLICT, "see: tenantctl show ", "" },
	{ ERR_BAD_OPTION, "see: tenantctl set --help", NULL },
	{ ERR_UNKNOWN_PLAN, "see: tenantctl plan list", NULL },
	{ ERR_DENIED, "try: sudo tenantctl ...", NULL },
	{ ERR_NO_DAEMON, "try: systemctl status tenantd; or --socket PATH for another one", NULL },
	{ ERR_NGINX, "see: tenantctl status ", "; nginx -t" },
	{ ERR_PHP, "see: tenantctl status ", "" },
	{ ERR_JAIL, "see: tenantctl status ", "" },
	{ ERR_CGROUP, "see: tenantctl status ", "" },
	{ ERR_BUSY, "try again in a moment", NULL },
};

void advice_add(struct text *out, int code, const struct args *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((int)rows[i].code != code)
			continue;
		if (rows[i].after && (!a || !a->operand))
			return;
		text_add(out, "%s", rows[i].before);
		if (rows[i].after) {
			clean_add(out, a->operand);
			text_add(out, "%s", rows[i].after);
		}
		text_add(out, "\n");
	}
}
