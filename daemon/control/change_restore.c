/* SPDX-License-Identifier: Apache-2.0 */
/* restore: a removed site comes back with its home and its options. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/pages.h"
#include "schema/errors.h"
#include "tenants/life.h"

/* The newest home that root keeps for the site.  One that this database has
 * removed goes before one that it does not know: an add that was undone leaves
 * an empty home behind, too. */
static int find_home(struct work *w, const char *site, struct tenant *out, struct err *err)
{
	struct wire_ledger_row *rows = NULL;
	struct tenant kept;
	uint32_t count = 0;
	uint32_t best = 0;
	int is_known = 0;

	if (pages_ledger(&w->link, &rows, &count, err) < 0)
		return -1;
	for (uint32_t i = 0; i < count && is_known >= 0; i++) {
		if (rows[i].state != LEDGER_REMOVED || !rows[i].is_home_kept ||
		    strcmp(rows[i].site, site) != 0)
			continue;
		int found = store_kept(w->store, rows[i].number, KEPT_REMOVED, &kept, err);

		if (found < 0 || found < is_known) {
			is_known = found < 0 ? found : is_known;
			continue;
		}
		if (found)
			*out = kept;
		is_known = found;
		best = rows[i].number;		/* numbers rise with time */
	}
	free(rows);
	if (is_known < 0)
		return -1;
	if (!best)
		return err_set(err, ERR_UNKNOWN_SITE, "no removed home of '%s' is kept", site);
	out->restore_number = best;
	return 0;
}

/* Aliases that others took meanwhile stay theirs. */
static int drop_taken(struct work *w, struct tenant *t, struct outcome *o, struct err *err)
{
	char holder[SITE_MAX];
	uint32_t free_count = 0;

	for (uint32_t i = 0; i < t->alias_count; i++) {
		if (store_holder(w->store, t->alias[i], holder, err) < 0)
			return -1;
		if (!holder[0])
			memmove(t->alias[free_count++], t->alias[i], SITE_MAX);
		else if (!o->note[0])
			(void)str_format(o->note, sizeof(o->note),
					 "restored without alias '%.250s', which belongs to "
					 "'%.250s' now", t->alias[i], holder);
	}
	for (uint32_t i = free_count; i < t->alias_count; i++)
		memset(t->alias[i], 0, SITE_MAX);
	t->alias_count = free_count;
	return 0;
}

/* A plan that was removed meanwhile does not keep a site from coming back. */
static int mend_plan(struct work *w, struct tenant *t, struct outcome *o, struct err *err)
{
	struct overrides plan;

	if (store_plan(w->store, t->plan, &plan, err) == 0)
		return 0;
	if (err->code != ERR_UNKNOWN_PLAN)
		return -1;
	(void)str_format(o->note, sizeof(o->note), "restored with plan '%s', because '%s' is no "
			 "more", PLAN_DEFAULT, t->plan);
	(void)str_copy(t->plan, sizeof(t->plan), PLAN_DEFAULT);
	*err = (struct err){ 0 };
	return 0;
}

int change_restore(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err)
{
	struct tenant old;
	int state = 0;

	if (change_find(w, c->site, &old, err) < 0)
		return -1;
	if (life_step(old.state, LIFE_RESTORE, c->site, &state, err) < 0) {
		(void)str_copy(o->field, sizeof(o->field), "site");
		return -1;
	}
	if (work_connect(w, err) < 0)
		return -1;
	(void)str_copy(t->plan, sizeof(t->plan), PLAN_DEFAULT);
	if (find_home(w, c->site, t, err) < 0 || drop_taken(w, t, o, err) < 0 ||
	    mend_plan(w, t, o, err) < 0)
		return -1;
	t->number = 0;
	t->state = state;
	t->created_at = 0;
	t->failure[0] = '\0';
	if (change_check(w, &old, t, o, err) < 0)
		return -1;
	if (c->is_dry_run)
		return change_would(w, o, &old, t, err);
	return change_make(w, t, &old, err);
}
