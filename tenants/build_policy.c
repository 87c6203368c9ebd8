/* SPDX-License-Identifier: Apache-2.0 */
/* Option values that are in range and still not for everybody. */
#include "tenants/build_job.h"

#include <stdbool.h>
#include <string.h>

#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

#define HOUR_S 3600

/* Folders of a home that no document root may lie in. */
static const char *const closed[] = { "private", "sessions", "tmp", "logs" };

/* A site's logs lie in a folder of its name, beside nginx's own logs and what rotating made
 * of them: access.log, nginx.log-20261201, access.log.1.gz.  None of these ends is a domain. */
static bool is_log_name(const char *site)
{
	const char *dot = strrchr(site, '.');
	const char *end = dot ? dot + 1 : site;

	return strcmp(end, "log") == 0 || strncmp(end, "log-", strlen("log-")) == 0 ||
	       strcmp(end, "gz") == 0;
}

static int setting_is_on(const struct settings *s, const char *key)
{
	uint64_t value = 0;

	for (int i = 0; i < setting_row_count; i++)
		if (setting_rows[i].type == SETTING_BOOL && strcmp(setting_rows[i].key, key) == 0)
			memcpy(&value, (const char *)s + setting_rows[i].offset, sizeof(value));
	return value != 0;
}

int build_check_policy(const struct settings *s, const struct wire_tenant *t, struct err *err)
{
	struct options usual;
	char value[OPTION_FORMAT_MAX];
	char safe[OPTION_FORMAT_MAX];
	size_t n = strcspn(t->options.document_root, "/");

	if (is_log_name(t->site))
		return err_set(err, ERR_BAD_NAME, "site '%s': a name that ends so is that of a log "
			       "in log_dir; choose another", t->site);
	options_default(&usual);
	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];

		if (!row->guard || setting_is_on(s, row->guard) || mutant_is_off("guards"))
			continue;
		options_format(&t->options, row, value);
		options_format(&usual, row, safe);
		if (strcmp(value, safe) != 0)
			return err_set(err, ERR_POLICY, "option '%s': '%s' weakens a wall and "
				       "needs '%s = yes' in tenantd.conf", row->name, value,
				       row->guard);
	}
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		if (strlen(closed[i]) == n &&
		    strncmp(closed[i], t->options.document_root, n) == 0)
			return err_set(err, ERR_BAD_OPTION, "option 'document_root': '%s' lies in "
				       "'%s', which is never published", t->options.document_root,
				       closed[i]);
	return 0;
}

int build_check_removals(const struct settings *s, const struct ledger *l, int64_t now,
			 struct err *err)
{
	static struct wire_ledger_row rows[WIRE_LEDGER_ROWS];
	uint32_t count = 0;
	uint64_t removed = 0;
	bool more = true;

	for (uint32_t after = 0; more; after = rows[count - 1].number) {
		if (ledger_page(l, after, rows, WIRE_LEDGER_ROWS, &count, &more, err) < 0)
			return -1;
		/* One from the future counts, too: the clock may have been set back. */
		for (uint32_t i = 0; i < count; i++)
			removed += rows[i].state == LEDGER_REMOVED &&
				   rows[i].changed_at > now - HOUR_S;
		if (count == 0)
			break;
	}
	if (removed < s->removals_per_hour || mutant_is_off("removals"))
		return 0;
	return err_set(err, ERR_POLICY, "removals within the last hour: %llu, all that "
		       "removals_per_hour allows; the site is as it was. If all were meant, wait, "
		       "or raise removals_per_hour in tenantd.conf and reload tenantd",
		       (unsigned long long)removed);
}
