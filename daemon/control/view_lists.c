/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of all tenants: those that are, those that were, and how many. */
#include "daemon/control/view.h"

#include <stdlib.h>

#include "daemon/control/envelope.h"
#include "daemon/control/view_parts.h"

#define DAY_S 86400

struct list {
	json_t *rows;
	struct wire_list_row *live;
	uint32_t live_count;
};

static int add_row(const struct store_row *row, void *ctx)
{
	struct list *l = ctx;
	const struct wire_list_row *live = live_find(l->live, l->live_count, row->number);
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:s?,s:s,s:o}", "number",
				 (json_int_t)row->number, "site", row->site, "site_unicode",
				 view_unicode(row->site), "state", tenant_state_word(row->state),
				 "pool_state", live ? pool_state_word(live->pool_state) : NULL,
				 "plan", row->plan, "reason", envelope_text(row->reason));

	(void)json_array_append_new(l->rows, json);
	return 0;
}

json_t *view_list(struct store *s, struct live *live, struct err *err)
{
	struct list l = { .rows = json_array() };
	struct err away = { 0 };
	bool is_away = live_list(live, &l.live, &l.live_count, &away) < 0;
	int rc = store_each(s, add_row, &l, err);

	free(l.live);
	if (rc < 0) {
		json_decref(l.rows);
		return NULL;
	}
	return json_pack("{s:o,s:s}", "tenants", l.rows, "supervisor",
			 is_away ? "away" : "reachable");
}

struct removed {
	json_t *rows;
	int64_t keep_s;
};

static int add_removed(const struct store_removed_row *row, void *ctx)
{
	struct removed *r = ctx;
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:o,s:o}", "number", (json_int_t)row->number,
				 "site", row->site, "site_unicode", view_unicode(row->site), "plan",
				 row->plan, "removed_at", view_time(row->removed_at), "kept_until",
				 view_time(row->removed_at + r->keep_s));

	(void)json_array_append_new(r->rows, json);
	return 0;
}

json_t *view_removed(struct store *s, const struct settings *set, struct err *err)
{
	struct removed r = { json_array(), (int64_t)set->removed_keep_days * DAY_S };

	if (store_each_removed(s, add_removed, &r, err) < 0) {
		json_decref(r.rows);
		return NULL;
	}
	return json_pack("{s:o}", "removed", r.rows);
}

json_t *view_counts(struct store *s, struct err *err)
{
	uint64_t counts[TENANT_STATES];
	json_t *json = NULL;

	if (store_count(s, counts, err) < 0)
		return NULL;
	json = json_pack("{s:I}", "all", (json_int_t)counts[0]);
	for (int i = 1; i < TENANT_STATES; i++)
		(void)json_object_set_new(json, tenant_state_word(i),
					  json_integer((json_int_t)counts[i]));
	return json;
}
