/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing what is with what would be. */
#include "daemon/control/diff.h"

#include <string.h>

#include "base/str.h"
#include "daemon/control/envelope.h"
#include "daemon/control/view.h"
#include "schema/reasons.h"
#include "tenants/life.h"

enum touched { HOME = 1, KERNEL = 2, POOL = 4, NGINX = 8 };

static json_t *words_of(unsigned touched)
{
	static const char *const words[] = { "home", "kernel", "pool", "nginx" };
	json_t *json = json_array();

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (touched & 1u << i)
			(void)json_array_append_new(json, json_string(words[i]));
	return json;
}

static unsigned touched_by(const struct option_row *row)
{
	return (row->scope & OPTION_LIVE ? KERNEL : 0u) | (row->scope & OPTION_POOL ? POOL : 0u) |
	       (row->scope & OPTION_VHOST ? NGINX : 0u);
}

/* NULL stands for nothing. */
static json_t *text_or_null(const char *s)
{
	return s && *s ? envelope_text(s) : json_null();
}

static void add(json_t *list, const char *what, const char *from, const char *to, unsigned touched)
{
	(void)json_array_append_new(list, json_pack("{s:s,s:o,s:o,s:o}", "what", what, "from",
						    text_or_null(from), "to", text_or_null(to),
						    "touches", words_of(touched)));
}

static void add_if_other(json_t *list, const char *what, const char *from, const char *to,
			 unsigned touched)
{
	if (strcmp(from, to) != 0)
		add(list, what, from, to, touched);
}

/* By the names that people write: one for each entry of an option that has some. */
static void add_options(json_t *list, const struct options *from, const struct options *to,
			unsigned mask)
{
	json_t *before = view_options(from);
	json_t *after = view_options(to);
	const char *name = NULL;
	json_t *value = NULL;

	json_object_foreach(after, name, value) {
		const char *was = json_string_value(json_object_get(before, name));

		add_if_other(list, name, was ? was : "", json_string_value(value),
			     touched_by(option_by_name(name)) & mask);
		(void)json_object_del(before, name);
	}
	json_object_foreach(before, name, value)
		add(list, name, json_string_value(value), NULL,
		    touched_by(option_by_name(name)) & mask);
	json_decref(before);
	json_decref(after);
}

/* Every alias of one that the other has not. */
static void add_aliases(json_t *list, const struct tenant *of, const struct tenant *other,
			bool is_new)
{
	for (uint32_t i = 0; i < of->alias_count; i++) {
		bool is_there = false;

		for (uint32_t k = 0; k < other->alias_count; k++)
			is_there = is_there || strcmp(of->alias[i], other->alias[k]) == 0;
		if (!is_there)
			add(list, "alias", is_new ? NULL : of->alias[i],
			    is_new ? of->alias[i] : NULL, NGINX);
	}
}

static int resolve(struct store *s, const struct tenant *t, bool with_own, struct options *out,
		   struct err *err)
{
	static const struct overrides none;
	struct overrides plan = { 0 };

	if (t->plan[0] && store_plan(s, t->plan, &plan, err) < 0)
		return -1;
	return overrides_resolve(&plan, with_own ? &t->overrides : &none, out, err);
}

static const char *state_of(const struct tenant *t)
{
	if (t->state == TENANT_NONE)
		return NULL;
	if (t->state != TENANT_BUILDING)
		return tenant_state_word(t->state);
	return tenant_state_word(t->is_suspended ? TENANT_SUSPENDED : TENANT_LIVE);
}

static const char *class_of(const struct tenant *t)
{
	const struct reason_row *row = t->is_suspended ? reason_row(t->reason_class) : NULL;

	return row ? row->word : "";
}

json_t *diff_tenants(struct store *s, const struct tenant *from, const struct tenant *to,
		     struct err *err)
{
	bool is_new = from->state == TENANT_NONE;
	bool is_end = to->state == TENANT_NONE;
	const char *before = state_of(from);
	const char *after = state_of(to);
	struct options was, is;
	json_t *list = json_array();

	if (!before || !after || strcmp(before, after) != 0)
		add(list, "state", before, after,
		    is_new || is_end ? HOME | POOL | NGINX : POOL | NGINX);
	if (is_end)
		return list;
	add_if_other(list, "plan", from->plan, to->plan, 0);
	add_aliases(list, from, to, false);
	add_aliases(list, to, from, true);
	add_if_other(list, "class", class_of(from), class_of(to), NGINX);
	add_if_other(list, "reason", from->reason, to->reason, 0);
	/* Of a new site: what it wants besides its plan. */
	if (resolve(s, is_new ? to : from, !is_new, &was, err) < 0 ||
	    resolve(s, to, true, &is, err) < 0) {
		json_decref(list);
		return NULL;
	}
	add_options(list, &was, &is, ~0u);
	return list;
}

json_t *diff_plans(const struct plan *from, const struct options *from_options,
		   const struct plan *to, const struct options *to_options)
{
	json_t *list = json_array();

	add_if_other(list, "plan", from->name, to->name, 0);
	if (!to->name[0])
		return list;
	add_if_other(list, "parent", from->parent, to->parent, 0);
	add_if_other(list, "sentence", from->sentence, to->sentence, 0);
	add_options(list, from_options, to_options, from->name[0] ? ~0u : 0);
	return list;
}
