/* SPDX-License-Identifier: Apache-2.0 */
/* add, set, alias, suspend, resume, remove; restore is in change_restore.c. */
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/diff.h"
#include "schema/errors.h"
#include "schema/reasons.h"
#include "tenants/build_job.h"
#include "tenants/life.h"
#include "tenants/php_versions.h"

int change_find(struct work *w, const char *site, struct tenant *out, struct err *err)
{
	struct tenant t = { .state = TENANT_NONE };

	if (store_find(w->store, site, &t, err) < 0 && err->code != ERR_UNKNOWN_SITE)
		return -1;
	*out = t;
	return 0;
}

const char *change_target(const struct change *c)
{
	return c->site[0] ? c->site : c->name;
}

int change_blame(struct outcome *o, const char *field)
{
	(void)str_copy(o->field, sizeof(o->field), field);
	return -1;
}

int change_would(struct work *w, struct outcome *o, const struct tenant *old,
		 const struct tenant *t, struct err *err)
{
	o->changes = diff_tenants(w->store, old, t, err);
	return o->changes ? 0 : -1;
}

static int options_of(struct work *w, const struct tenant *t, struct options *out,
		      struct err *err)
{
	struct overrides plan;

	return store_plan(w->store, t->plan, &plan, err) < 0 ? -1 :
	       overrides_resolve(&plan, &t->overrides, out, err);
}

static int check_php(struct work *w, const struct tenant *old, const struct options *now,
		     struct err *err)
{
	struct options before;
	struct err unused = { 0 };

	if (old->state != TENANT_NONE && options_of(w, old, &before, &unused) == 0 &&
	    !php_is_moved(&before, now))
		return 0;
	return php_check(w->settings, now, err);
}

int change_try(struct work *w, const struct tenant *old, const struct tenant *t,
	       struct outcome *o, struct err *err)
{
	struct options before, after;
	struct err unused = { 0 };

	if (old->state != TENANT_LIVE || t->is_suspended)
		return 0;
	if (options_of(w, t, &after, err) < 0)
		return -1;
	if (options_of(w, old, &before, &unused) == 0 &&
	    !(options_difference(&before, &after) & OPTION_JUDGED))
		return 0;
	if (work_try(w, t, err) == 0)
		return 0;
	return err->code == ERR_UNFIT ? change_blame(o, "options") : -1;
}

/* Everything that can be known to be wrong without the root side. */
int change_check(struct work *w, const struct tenant *old, const struct tenant *t,
		 struct outcome *o, struct err *err)
{
	struct overrides plan;
	struct wire_tenant wire;
	char holder[SITE_MAX];

	if (store_plan(w->store, t->plan, &plan, err) < 0)
		return change_blame(o, "plan");
	for (uint32_t i = 0; i <= t->alias_count; i++) {
		const char *host = i == 0 ? t->site : t->alias[i - 1];

		if (store_holder(w->store, host, holder, err) < 0)
			return -1;
		if (!holder[0] || strcmp(holder, t->site) == 0)
			continue;
		(void)err_set(err, ERR_CONFLICT, "host name '%s' belongs to site '%s'", host,
			      holder);
		return change_blame(o, i == 0 ? "site" : "aliases");
	}
	if (tenant_to_wire(t, &plan, &wire, err) < 0)
		return change_blame(o, err->code == ERR_CONFLICT ? "aliases" : "options");
	if (build_check_policy(w->settings, &wire, err) < 0 ||
	    check_php(w, old, &wire.options, err) < 0)
		return change_blame(o, "options");
	return 0;
}

static int wish(const struct change *c, struct tenant *t, struct err *err)
{
	if (c->has_plan)
		memcpy(t->plan, c->plan, sizeof(t->plan));
	if (c->has_aliases) {
		memcpy(t->alias, c->alias, sizeof(t->alias));
		t->alias_count = c->alias_count;
	}
	return overrides_change(&t->overrides, &c->options, &c->cleared, err);
}

int change_make(struct work *w, struct tenant *t, const struct tenant *old, struct err *err)
{
	struct err second = { 0 };
	bool is_standing = false;
	uint32_t number = 0;

	if (work_connect(w, err) < 0 || work_issue(w, t, &number, &is_standing, err) < 0)
		return -1;
	fault_point("control.add.issued");
	t->number = number;
	t->revision = old->number == number ? old->revision + 1 : 1;
	bool is_other = old->state != TENANT_NONE && old->number != number;

	if (work_put(w, t, false, is_other ? old->number : 0, err) < 0) {
		if (!is_standing && old->number != number)
			(void)work_give_back(w, number, t, &second);	/* else the reconciler */
		return -1;
	}
	fault_point("control.add.inserted");
	return work_build(w, t, err);
}

int change_add(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
	       struct err *err)
{
	struct tenant old;

	(void)str_copy(t->plan, sizeof(t->plan), PLAN_DEFAULT);
	if (wish(c, t, err) < 0)
		return change_blame(o, "options");
	if (change_find(w, c->site, &old, err) < 0)
		return -1;
	bool is_same = old.state != TENANT_NONE && tenant_wants_same(&old, t);

	if (is_same && old.state == TENANT_LIVE) {
		*t = old;
		o->is_unchanged = true;
		return 0;
	}
	if (life_step(old.state, LIFE_ADD, c->site, &t->state, err) < 0)
		return change_blame(o, "site");
	if (old.state == TENANT_BUILDING && !is_same) {
		(void)err_set(err, ERR_CONFLICT, "site '%s' is being built with other values; "
			      "wait until it is live and change it with set", c->site);
		return change_blame(o, "site");
	}
	if (change_check(w, &old, t, o, err) < 0)
		return -1;
	if (c->is_dry_run)
		return change_would(w, o, &old, t, err);
	if (old.state == TENANT_BUILDING) {
		*t = old;
		return work_build(w, t, err);
	}
	return change_make(w, t, &old, err);
}

/* The row, if the event may happen to it.  *out_state is what follows. */
static int find_for(struct work *w, const struct change *c, enum life_event event,
		    struct tenant *out, int *out_state, struct err *err)
{
	if (change_find(w, c->site, out, err) < 0 ||
	    life_step(out->state, event, c->site, out_state, err) < 0)
		return -1;
	if (c->if_revision && out->revision != c->if_revision)
		return err_set(err, ERR_CONFLICT, "site '%s' has revision %llu by now, not %llu: "
			       "somebody has changed it", c->site,
			       (unsigned long long)out->revision,
			       (unsigned long long)c->if_revision);
	if (out->is_undone && event != LIFE_REMOVE)
		return err_set(err, ERR_CONFLICT,
			       "site '%s' has failed and nothing of it stands; add tries again, "
			       "remove clears it", c->site);
	return 0;
}

/* Promises the new rows and has them carried out; or tells what that would be. */
static int alter(struct work *w, const struct change *c, const struct tenant *old,
		 struct tenant *t, struct outcome *o, struct err *err)
{
	if (c->is_dry_run)
		return change_would(w, o, old, t, err);
	if (work_connect(w, err) < 0)
		return -1;
	t->revision++;
	if (work_put(w, t, true, 0, err) < 0)
		return -1;
	fault_point("control.alter.put");
	return work_settle(w, t, err);
}

static int settle_wish(struct work *w, const struct change *c, const struct tenant *old,
		       struct tenant *t, struct outcome *o, struct err *err)
{
	if (tenant_wants_same(old, t) && old->state != TENANT_FAILED) {
		o->is_unchanged = true;
		return 0;
	}
	if (change_check(w, old, t, o, err) < 0 ||
	    (!c->is_dry_run && change_try(w, old, t, o, err) < 0))
		return -1;
	return alter(w, c, old, t, o, err);
}

int change_set(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
	       struct err *err)
{
	struct tenant old;
	int state = 0;

	if (find_for(w, c, LIFE_SET, &old, &state, err) < 0)
		return change_blame(o, "site");
	*t = old;
	t->state = state;
	if (wish(c, t, err) < 0)
		return change_blame(o, "options");
	return settle_wish(w, c, &old, t, o, err);
}

/* Aliases that are to be there, or not: those of the others stay as they are. */
int change_aliases(struct work *w, const struct change *c, struct tenant *t,
		       struct outcome *o, struct err *err)
{
	struct tenant old;
	int state = 0;

	if (find_for(w, c, LIFE_SET, &old, &state, err) < 0)
		return change_blame(o, "site");
	*t = old;
	t->state = state;
	for (uint32_t i = 0; i < c->alias_count; i++) {
		if (c->command == COMMAND_ALIAS_REMOVE)
			tenant_drop_alias(t, c->alias[i]);
		else if (tenant_add_alias(t, c->alias[i], err) < 0)
			return change_blame(o, "aliases");
	}
	return settle_wish(w, c, &old, t, o, err);
}

int change_suspend(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err)
{
	struct tenant old;
	int state = 0;

	if (find_for(w, c, LIFE_SUSPEND, &old, &state, err) < 0)
		return change_blame(o, "site");
	*t = old;
	if (t->state == TENANT_SUSPENDED && strcmp(t->reason, c->reason) == 0 &&
	    t->reason_class == c->reason_class) {
		o->is_unchanged = true;
		return 0;
	}
	t->state = state;
	t->is_suspended = true;
	memcpy(t->reason, c->reason, sizeof(t->reason));
	t->reason_class = c->reason_class;
	return alter(w, c, &old, t, o, err);
}

int change_resume(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		  struct err *err)
{
	struct tenant old;
	int state = 0;

	if (find_for(w, c, LIFE_RESUME, &old, &state, err) < 0)
		return change_blame(o, "site");
	*t = old;
	if (t->state == TENANT_LIVE) {
		o->is_unchanged = true;
		return 0;
	}
	t->state = state;
	t->is_suspended = false;
	t->reason[0] = '\0';
	t->reason_class = REASON_GENERAL;
	return alter(w, c, &old, t, o, err);
}

/* In one step: its revision is a new one, and the root side is to be asked whatever it has. */
static int put_back(struct work *w, const struct tenant *before, struct err *err)
{
	if (store_begin(w->store, err) < 0)
		return -1;
	if (store_put(w->store, before, err) < 0 ||
	    store_raise(w->store, before->number, err) < 0) {
		store_rollback(w->store);
		return -1;
	}
	fault_point("control.put.commit");
	return store_commit(w->store, err);
}

int change_remove(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		     struct err *err)
{
	int state = 0;

	if (find_for(w, c, LIFE_REMOVE, t, &state, err) < 0)
		return change_blame(o, "site");
	if (c->is_dry_run) {
		struct tenant gone = { .state = TENANT_NONE };

		memcpy(gone.site, t->site, sizeof(gone.site));
		return change_would(w, o, t, &gone, err);
	}
	if (!t->is_undone && work_connect(w, err) < 0)
		return -1;
	struct tenant before = *t;

	t->state = state;
	t->revision++;
	if (work_put(w, t, false, 0, err) < 0)
		return -1;
	fault_point("control.remove.put");
	if (work_remove(w, t, err) == 0)
		return 0;
	if (err->code == ERR_POLICY) {
		struct err second = { 0 };

		/* The root side has touched nothing: the site goes on as it was.  Should this
		 * fail, it goes on, too, and its row says `failed` and why. */
		(void)put_back(w, &before, &second);
	}
	return -1;
}

