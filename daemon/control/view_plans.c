/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as JSON. */
#include <stdlib.h>
#include <string.h>

#include "daemon/control/envelope.h"
#include "daemon/control/view.h"
#include "schema/errors.h"

struct plans {
	struct store *store;
	json_t *rows;
	struct err *err;
};

static json_t *plan_json(struct store *s, const struct store_plan_row *row, struct err *err)
{
	static const struct overrides none;
	struct overrides merged;
	struct options o;
	struct plan p;

	if (store_find_plan(s, row->name, &p, err) < 0 ||
	    store_plan(s, row->name, &merged, err) < 0 ||
	    overrides_resolve(&merged, &none, &o, err) < 0)
		return NULL;
	return json_pack("{s:s,s:s?,s:o,s:I,s:o,s:o}", "name", row->name, "parent",
			 row->parent[0] ? row->parent : NULL, "sentence",
			 envelope_text(row->sentence), "tenants", (json_int_t)row->tenants,
			 "options", view_options(&o), "overrides", view_option_names(&p.own));
}

static int add_plan(const struct store_plan_row *row, void *ctx)
{
	struct plans *p = ctx;
	json_t *json = plan_json(p->store, row, p->err);

	return json ? json_array_append_new(p->rows, json) : -1;
}

json_t *view_plans(struct store *s, struct err *err)
{
	struct plans p = { .store = s, .rows = json_array(), .err = err };

	if (store_each_plan(s, add_plan, &p, err) < 0) {
		json_decref(p.rows);
		return NULL;
	}
	return json_pack("{s:o}", "plans", p.rows);
}

/* Names of the plan and its heirs, as keys of an object, and who lags behind. */
struct followers {
	json_t *plans;
	struct wire_list_row *live;
	uint32_t live_count;
	json_int_t pending;
};

static int add_heir(const char *name, void *ctx)
{
	return json_object_set_new(((struct followers *)ctx)->plans, name, json_true());
}

static int count_pending(const struct store_row *row, void *ctx)
{
	struct followers *f = ctx;
	const struct wire_list_row *live = live_find(f->live, f->live_count, row->number);

	if (!row->is_undone && json_object_get(f->plans, row->plan) &&
	    (row->is_pending || !live || live->revision != row->revision))
		f->pending++;
	return 0;
}

static int count_followers(struct store *s, struct live *live, const char *name, json_t *json,
			   struct err *err)
{
	struct followers f = { .plans = json_object() };
	struct err away = { 0 };
	int rc = 0;

	if (!live || live_list(live, &f.live, &f.live_count, &away) < 0) {
		(void)json_object_set_new(json, "pending", json_null());
	} else {
		rc = store_each_heir(s, name, add_heir, &f, err) < 0 ||
		     store_each(s, count_pending, &f, err) < 0 ? -1 : 0;
		(void)json_object_set_new(json, "pending", json_integer(f.pending));
	}
	free(f.live);
	json_decref(f.plans);
	return rc;
}

/* Keeps the row of one name. */
struct one {
	const char *name;
	struct store_plan_row row;
};

static int take_one(const struct store_plan_row *row, void *ctx)
{
	struct one *one = ctx;

	if (strcmp(row->name, one->name) == 0)
		one->row = *row;
	return 0;
}

json_t *view_plan(struct store *s, struct live *live, const char *name, struct err *err)
{
	struct one one = { .name = name };
	struct plan p;
	json_t *json = NULL;

	if (store_find_plan(s, name, &p, err) < 0 || store_each_plan(s, take_one, &one, err) < 0)
		return NULL;
	json = plan_json(s, &one.row, err);
	if (json && count_followers(s, live, name, json, err) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}
