/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan add, set, remove.  A change of a plan raises the revision of every site
 * that follows it, in the plan's own transaction; the reconciler then carries
 * the sites over, one by one, while other callers are served in between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/loop.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/diff.h"
#include "daemon/control/view.h"
#include "schema/errors.h"
#include "tenants/build_job.h"
#include "tenants/php_versions.h"

/* A plan whose values may change, and what it set, with its ancestors, before. */
struct heir {
	char name[PLAN_NAME_MAX];
	struct overrides before, after;
};

/* Sites that stand for all: those with the same values, but for a script of their own. */
#define TRIALS_MAX 8
#define TRIALS_MS 30000	/* when the last one may begin: nobody else's change goes on meanwhile */

struct trial {
	uint32_t number;
	struct options options;
};

/* A run over the sites that may follow. */
struct followers {
	struct work *w;
	struct heir *heirs;
	size_t count;
	uint64_t sites;
	struct trial *trials;
	size_t trial_count, tried;
	struct err *err;
};

static int add_heir(const char *name, void *ctx)
{
	struct followers *f = ctx;
	struct heir *more = realloc(f->heirs, (f->count + 1) * sizeof(*more));

	if (!more)
		return err_set(f->err, ERR_SYSTEM, "no memory for the plans");
	f->heirs = more;
	(void)str_copy(more[f->count].name, sizeof(more->name), name);
	return store_plan(f->w->store, name, &more[f->count++].before, f->err);
}

/* Has the site try what it would get, unless another one does that tries the same. */
static int add_trial(struct followers *f, uint32_t number, const struct options *after)
{
	for (size_t i = 0; i < f->trial_count && !after->preload[0]; i++)
		if (!(options_difference(&f->trials[i].options, after) & OPTION_JUDGED))
			return 0;
	if (f->trial_count == TRIALS_MAX)
		return 0;
	if (!f->trials)
		f->trials = calloc(TRIALS_MAX, sizeof(*f->trials));
	if (!f->trials)
		return err_set(f->err, ERR_SYSTEM, "no memory for the sites");
	f->trials[f->trial_count++] = (struct trial){ .number = number, .options = *after };
	return 0;
}

/* With the plan as the open transaction has it. */
static int try_all(struct followers *f)
{
	const int64_t until = loop_now_ms() + TRIALS_MS;
	struct tenant t;

	for (; f->tried < f->trial_count && !f->w->is_untried && loop_now_ms() < until;
	     f->tried++) {
		if (store_find_number(f->w->store, f->trials[f->tried].number, &t, f->err) < 0)
			return -1;
		if (work_try(f->w, &t, f->err) < 0)
			return err_wrap(f->err, "site '%.80s' could not follow", t.site);
	}
	return 0;
}

/* Raises the revision of a site for which something changes.  What a site sets
 * itself must go together with what its plan says now. */
static int follow(struct followers *f, const struct heir *h, uint32_t number)
{
	struct options before, after;
	struct wire_tenant wire;
	struct err unused = { 0 };
	struct tenant t;

	if (store_find_number(f->w->store, number, &t, f->err) < 0)
		return -1;
	bool is_known = overrides_resolve(&h->before, &t.overrides, &before, &unused) == 0 &&
			overrides_resolve(&h->after, &t.overrides, &after, &unused) == 0;

	if (is_known && options_difference(&before, &after) == 0)
		return 0;
	if (tenant_to_wire(&t, &h->after, &wire, f->err) < 0 ||
	    build_check_policy(f->w->settings, &wire, f->err) < 0 ||
	    (is_known && php_is_moved(&before, &after) &&
	     php_check(f->w->settings, &after, f->err) < 0))
		return err_wrap(f->err, "site '%.80s' could not follow", t.site);
	if (is_known && t.state == TENANT_LIVE &&
	    (options_difference(&before, &after) & OPTION_JUDGED) &&
	    add_trial(f, number, &after) < 0)
		return -1;
	f->sites++;
	return store_raise(f->w->store, number, f->err);
}

static int follow_row(const struct store_row *row, void *ctx)
{
	struct followers *f = ctx;

	for (size_t i = 0; i < f->count && !row->is_undone; i++)
		if (strcmp(f->heirs[i].name, row->plan) == 0)
			return follow(f, &f->heirs[i], row->number);
	return 0;
}

/* The plan that is to be changed: here it is what the caller asks for, not a
 * value that he gives. */
static int find(struct work *w, const struct change *c, struct plan *out, struct err *err)
{
	if (store_find_plan(w->store, c->name, out, err) == 0)
		return 0;
	if (err->code == ERR_UNKNOWN_PLAN)
		err->code = ERR_NO_PLAN;
	return -1;
}

static int values_of(struct store *s, const char *name, struct options *out, struct err *err)
{
	static const struct overrides none;
	struct overrides plan;

	return store_plan(s, name, &plan, err) < 0 ? -1
						   : overrides_resolve(&plan, &none, out, err);
}

/* What can be refused without asking the root side, which checks it again. */
static int check(struct work *w, const struct plan *p, struct outcome *o, struct err *err)
{
	struct wire_tenant wire = { 0 };
	struct plan parent;

	if (p->parent[0] && (store_find_plan(w->store, p->parent, &parent, err) < 0 ||
			     store_plan_fits(w->store, p->name, p->parent, err) < 0))
		return change_blame(o, "parent");
	if (store_put_plan(w->store, p, err) < 0)
		return -1;
	if (values_of(w->store, p->name, &wire.options, err) < 0 ||
	    options_check(&wire.options, err) < 0 ||
	    build_check_policy(w->settings, &wire, err) < 0)
		return change_blame(o, "options");
	return 0;
}

static int put_and_follow(struct followers *f, const struct plan *p, struct outcome *o,
			  struct err *err)
{
	if (store_each_heir(f->w->store, p->name, add_heir, f, err) < 0 ||
	    check(f->w, p, o, err) < 0)
		return -1;
	for (size_t i = 0; i < f->count; i++)
		if (store_plan(f->w->store, f->heirs[i].name, &f->heirs[i].after, err) < 0)
			return -1;
	return store_each(f->w->store, follow_row, f, err) < 0 ? change_blame(o, "options") : 0;
}

static int tell(struct work *w, const struct change *c, const struct plan *p,
		const struct followers *f, struct outcome *o, struct err *err)
{
	const char *what = c->is_dry_run ? "would be so" : "is so";
	char tried[32] = "";

	if (f->tried)
		(void)str_format(tried, sizeof(tried), "; tried in %zu", f->tried);	/* fits */
	(void)str_format(o->note, sizeof(o->note), "plan %s %s; sites that follow: %llu%s", p->name,
			 what, (unsigned long long)f->sites, tried);
	if (!c->is_dry_run)
		o->data = view_plan(w->store, NULL, p->name, err);
	return o->data || o->changes ? 0 : -1;
}

/* The plan and the revisions, in one transaction, which a dry run takes back. */
static int put(struct work *w, const struct change *c, const struct plan *old,
	       const struct plan *p, struct outcome *o, struct err *err)
{
	struct followers f = { .w = w, .err = err };
	struct options was, is;

	options_default(&was);
	if (store_begin(w->store, err) < 0)
		return -1;
	int rc = old->name[0] ? values_of(w->store, old->name, &was, err) : 0;

	/* A plan that is new has no heirs: to find none is no error. */
	if (rc == 0)
		rc = old->name[0] ? put_and_follow(&f, p, o, err) : check(w, p, o, err);
	free(f.heirs);
	if (rc == 0)
		rc = values_of(w->store, p->name, &is, err);
	if (rc == 0 && php_is_moved(&was, &is) && php_check(w->settings, &is, err) < 0)
		rc = change_blame(o, "options");
	if (rc == 0 && c->is_dry_run)
		o->changes = diff_plans(old, &was, p, &is);
	else if (rc == 0 && try_all(&f) < 0)
		rc = err->code == ERR_UNFIT ? change_blame(o, "options") : -1;
	free(f.trials);
	fault_point("control.plan.commit");
	if (rc < 0 || c->is_dry_run)
		store_rollback(w->store);
	else
		rc = store_commit(w->store, err);
	if (rc < 0)
		return -1;
	if (!c->is_dry_run && f.sites > 0)
		w->is_left = w->is_due = true;
	fault_point("control.plan.put");
	return tell(w, c, p, &f, o, err);
}

static int wish(const struct change *c, struct plan *p, struct err *err)
{
	if (c->has_parent)
		memcpy(p->parent, c->parent, sizeof(p->parent));
	if (c->has_sentence)
		memcpy(p->sentence, c->sentence, sizeof(p->sentence));
	return overrides_change(&p->own, &c->options, &c->cleared, err);
}

static int unchanged(struct work *w, const struct change *c, struct outcome *o, struct err *err)
{
	o->is_unchanged = true;
	(void)str_format(o->note, sizeof(o->note), "plan %s is so already", c->name);
	o->data = view_plan(w->store, NULL, c->name, err);
	return o->data ? 0 : -1;
}

int change_plan_add(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		    struct err *err)
{
	struct plan p = { 0 };
	struct plan old = { 0 };

	(void)t;
	memcpy(p.name, c->name, sizeof(p.name));
	(void)str_copy(p.parent, sizeof(p.parent), PLAN_DEFAULT);
	if (wish(c, &p, err) < 0)
		return change_blame(o, "options");
	if (find(w, c, &old, err) == 0) {
		if (plan_wants_same(&old, &p))
			return unchanged(w, c, o, err);
		(void)err_set(err, ERR_CONFLICT, "there is a plan '%s' with other values; change "
			      "it with plan set", c->name);
		return change_blame(o, "name");
	}
	if (err->code != ERR_NO_PLAN)
		return -1;
	*err = (struct err){ 0 };
	return put(w, c, &old, &p, o, err);
}

int change_plan_set(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		    struct err *err)
{
	struct plan p = { 0 };
	struct plan old = { 0 };

	(void)t;
	if (find(w, c, &old, err) < 0)
		return change_blame(o, "name");
	p = old;
	if (wish(c, &p, err) < 0)
		return change_blame(o, "options");
	if (c->has_parent && strcmp(p.name, PLAN_DEFAULT) == 0) {
		(void)err_set(err, ERR_CONFLICT, "plan '%s' is where all others end: it has no "
			      "parent", p.name);
		return change_blame(o, "parent");
	}
	return plan_wants_same(&old, &p) ? unchanged(w, c, o, err) : put(w, c, &old, &p, o, err);
}

/* Why the plan must stay. */
static int check_unused(struct work *w, const struct plan *p, struct err *err)
{
	struct store_plan_uses uses;

	if (strcmp(p->name, PLAN_DEFAULT) == 0)
		return err_set(err, ERR_CONFLICT, "plan '%s' is that of sites for which none is "
			       "named; it stays", p->name);
	if (store_plan_uses(w->store, p->name, &uses, err) < 0)
		return -1;
	if (uses.tenants == 0 && uses.plans == 0)
		return 0;
	return err_set(err, ERR_CONFLICT, "plan '%s' is used by %llu sites%s%.80s%s and %llu "
		       "plans; give them another plan or parent first", p->name,
		       (unsigned long long)uses.tenants, uses.site[0] ? " (" : "", uses.site,
		       uses.site[0] ? ", ...)" : "", (unsigned long long)uses.plans);
}

int change_plan_remove(struct work *w, const struct change *c, struct tenant *t,
		       struct outcome *o, struct err *err)
{
	struct plan none = { 0 };
	struct plan old;

	(void)t;
	if (find(w, c, &old, err) < 0 || check_unused(w, &old, err) < 0)
		return change_blame(o, "name");
	if (c->is_dry_run) {
		o->changes = diff_plans(&old, NULL, &none, NULL);
		return 0;
	}
	o->data = json_pack("{s:s}", "name", c->name);
	(void)str_format(o->note, sizeof(o->note), "plan %s is removed", c->name);
	return store_delete_plan(w->store, c->name, err);
}
