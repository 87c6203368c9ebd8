/* SPDX-License-Identifier: Apache-2.0 */
/* Options, comparison and the wire form of a tenant. */
#include "tenants/tenant.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/option_list.h"

int overrides_set(struct overrides *o, const char *name, const char *value, struct err *err)
{
	const struct option_row *row = option_by_name(name);
	struct options parsed;

	options_default(&parsed);
	/* Entries are added to those that are set. */
	if (row && row->type == OPTION_KEYED && o->of[row->id].is_set &&
	    options_parse(&parsed, row, o->of[row->id].text, err) < 0)
		return -1;
	if (options_set(&parsed, name, value, err) < 0)
		return -1;
	o->of[row->id].is_set = true;
	options_format(&parsed, row, o->of[row->id].text);
	return 0;
}

static int put(struct options *o, const struct overrides *from, struct err *err)
{
	for (int i = 0; i < OPTION_IDS; i++)
		if (from->of[i].is_set &&
		    options_parse(o, &option_rows[i], from->of[i].text, err) < 0)
			return -1;
	return 0;
}

int overrides_resolve(const struct overrides *plan, const struct overrides *own,
		      struct options *out, struct err *err)
{
	struct options o;

	options_default(&o);
	if (put(&o, plan, err) < 0)
		return err_wrap(err, "in the plan");
	if (put(&o, own, err) < 0)
		return -1;
	*out = o;
	return 0;
}

int overrides_unset(struct overrides *o, const char *name, struct err *err)
{
	const struct option_row *row = option_by_name(name);
	const char *entry = row ? option_entry_name(row, name) : NULL;

	if (!row)
		return err_set(err, ERR_BAD_OPTION, "there is no option '%.64s'", name);
	if (entry && option_list_set(row, o->of[row->id].text, entry, NULL, err) < 0)
		return -1;
	if (!entry || !o->of[row->id].text[0])
		o->of[row->id].is_set = false;
	return 0;
}

/* For option_each(). */
static int add_entry(void *ctx, const char *name, const char *value)
{
	struct err unused = { 0 };	/* both sets were checked; their sum may be too long */

	return overrides_set(ctx, name, value, &unused);
}

static int drop_entry(void *ctx, const char *name, const char *value)
{
	struct err unused = { 0 };

	(void)value;
	return overrides_unset(ctx, name, &unused);
}

int overrides_change(struct overrides *o, const struct overrides *set,
		     const struct overrides *unset, struct err *err)
{
	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];
		bool is_keyed = row->type == OPTION_KEYED;

		if (unset->of[i].is_set && !(is_keyed && unset->of[i].text[0]))
			o->of[i].is_set = false;
		else if (unset->of[i].is_set)
			(void)option_each(row, unset->of[i].text, drop_entry, o);
		if (!o->of[i].is_set)
			o->of[i].text[0] = '\0';
		if (set->of[i].is_set && option_each(row, set->of[i].text, add_entry, o) < 0)
			return err_set(err, ERR_BAD_OPTION, "option '%s': all of it together has "
				       "more than %d bytes", row->name, OPTION_LIST_MAX - 1);
	}
	return 0;
}

bool overrides_equal(const struct overrides *a, const struct overrides *b)
{
	for (int i = 0; i < OPTION_IDS; i++)
		if (a->of[i].is_set != b->of[i].is_set ||
		    (a->of[i].is_set && strcmp(a->of[i].text, b->of[i].text) != 0))
			return false;
	return true;
}

static bool has_alias(const struct tenant *t, const char *host)
{
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (strcmp(t->alias[i], host) == 0)
			return true;
	return false;
}

int tenant_add_alias(struct tenant *t, const char *host, struct err *err)
{
	if (has_alias(t, host))
		return 0;
	if (t->alias_count == ALIASES_MAX)
		return err_set(err, ERR_CONFLICT, "site '%s' has %d aliases, which is the most",
			       t->site, ALIASES_MAX);
	return str_copy(t->alias[t->alias_count++], SITE_MAX, host);
}

void tenant_drop_alias(struct tenant *t, const char *host)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->alias_count; i++)
		if (strcmp(t->alias[i], host) != 0)
			memmove(t->alias[kept++], t->alias[i], SITE_MAX);
	/* The rest crosses process boundaries: nothing old stays in it. */
	for (uint32_t i = kept; i < t->alias_count; i++)
		memset(t->alias[i], 0, SITE_MAX);
	t->alias_count = kept;
}

bool tenant_wants_same(const struct tenant *a, const struct tenant *b)
{
	if (strcmp(a->plan, b->plan) != 0 || a->alias_count != b->alias_count)
		return false;
	for (uint32_t i = 0; i < a->alias_count; i++)
		if (!has_alias(b, a->alias[i]))
			return false;
	return overrides_equal(&a->overrides, &b->overrides);
}

int tenant_to_wire(const struct tenant *t, const struct overrides *plan,
		   struct wire_tenant *out, struct err *err)
{
	struct wire_tenant w = { .is_suspended = t->is_suspended, .revision = t->revision,
				 .reason_class = t->reason_class,
				 .restore_number = t->restore_number,
				 .alias_count = t->alias_count };

	memcpy(w.site, t->site, sizeof(w.site));
	memcpy(w.reason, t->reason, sizeof(w.reason));
	memcpy(w.alias, t->alias, sizeof(w.alias));
	if (overrides_resolve(plan, &t->overrides, &w.options, err) < 0 ||
	    wire_tenant_check(&w, err) < 0)
		return -1;
	*out = w;
	return 0;
}
