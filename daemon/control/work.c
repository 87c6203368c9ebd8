/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions, and what follows an error. */
#include "daemon/control/work_inside.h"

#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/life.h"

/* Codes with which the root side says no before it makes anything. */
static bool is_refusal(int code)
{
	return code == ERR_BAD_NAME || code == ERR_CONFLICT || code == ERR_POLICY ||
	       code == ERR_BAD_OPTION || code == ERR_DENIED || code == ERR_UNKNOWN_PLAN ||
	       code == ERR_UNFIT;
}

/* Codes that say nothing about the tenant: another time it may go well. */
static bool is_passing(const struct work *w, int code)
{
	return !link_is_open(&w->link) || code == ERR_BUSY;
}

/* Only the first of several unconfirmed changes has rows that are known to work. */
static int keep_before(struct work *w, uint32_t number, struct err *err)
{
	struct tenant before;
	int kept = store_kept(w->store, number, KEPT_BEFORE, &before, err);

	return kept == 0 ? store_keep(w->store, number, KEPT_BEFORE, err) : kept < 0 ? -1 : 0;
}

int work_put(struct work *w, const struct tenant *t, bool keep, uint32_t replaces,
	     struct err *err)
{
	if (store_begin(w->store, err) < 0)
		return -1;
	if ((keep && keep_before(w, t->number, err) < 0) ||
	    (replaces && store_delete(w->store, replaces, err) < 0) ||
	    store_put(w->store, t, err) < 0) {
		store_rollback(w->store);
		return -1;
	}
	fault_point("control.put.commit");
	return store_commit(w->store, err);
}

/* Ends a row: with a copy for restore, or without. */
static int end_row(struct work *w, uint32_t number, bool keep, struct err *err)
{
	if (store_begin(w->store, err) < 0)
		return work_leave(w);
	if ((keep && store_keep(w->store, number, KEPT_REMOVED, err) < 0) ||
	    store_drop_kept(w->store, number, KEPT_BEFORE, err) < 0 ||
	    store_delete(w->store, number, err) < 0) {
		store_rollback(w->store);
		return work_leave(w);
	}
	fault_point("control.end.commit");
	return store_commit(w->store, err) < 0 ? work_leave(w) : 0;
}

/* The root side has done what the row says. */
static int confirm(struct work *w, struct tenant *t, struct err *err)
{
	struct tenant done = *t;

	done.failure[0] = '\0';
	done.is_undone = false;
	done.restore_number = 0;
	if (life_step(t->state, t->is_suspended ? LIFE_HALTED : LIFE_APPLIED, t->site, &done.state,
		      err) < 0 ||
	    store_begin(w->store, err) < 0)
		return work_leave(w);
	if (store_put(w->store, &done, err) < 0 ||
	    store_drop_kept(w->store, t->number, KEPT_BEFORE, err) < 0 ||
	    (t->restore_number &&
	     store_drop_kept(w->store, t->restore_number, KEPT_REMOVED, err) < 0)) {
		store_rollback(w->store);
		return work_leave(w);
	}
	fault_point("control.confirm.commit");
	if (store_commit(w->store, err) < 0)
		return work_leave(w);
	*t = done;
	return 0;
}

/* The row says failed, and why.  WHY stays the error to tell. */
static int fail_row(struct work *w, struct tenant *t, bool is_undone, const struct err *why)
{
	struct tenant failed = *t;
	struct err err = { 0 };

	(void)str_copy(failed.failure, sizeof(failed.failure), why->text);
	failed.is_undone = is_undone;
	if (life_step(t->state, LIFE_ERRED, t->site, &failed.state, &err) < 0 ||
	    store_begin(w->store, &err) < 0)
		return work_leave(w);
	if (store_put(w->store, &failed, &err) < 0 ||
	    store_drop_kept(w->store, t->number, KEPT_BEFORE, &err) < 0) {
		store_rollback(w->store);
		return work_leave(w);
	}
	if (store_commit(w->store, &err) < 0)
		return work_leave(w);
	*t = failed;
	return -1;
}

/* A tenant that never lived did not get built: take away what is there. */
static int retreat(struct work *w, struct tenant *t, struct err *err)
{
	struct err second = { 0 };
	struct err both = { 0 };
	bool is_restore = t->restore_number != 0;

	fault_point("control.retreat");
	if (work_give_back(w, t->number, t, &second) < 0) {
		if (!link_is_open(&w->link))
			return -1;
		(void)err_set(&both, err->code, "%.300s; and taking it away again: %.300s",
			      err->text, second.text);
		return fail_row(w, t, false, &both);
	}
	fault_point("control.retreat.removed");
	/* A home that was on its way back is kept again, under the new number. */
	if (!is_restore && !is_refusal(err->code))
		return fail_row(w, t, true, err);
	(void)end_row(w, t->number, is_restore, &second);	/* if not, the reconciler does it */
	return -1;
}

int work_build(struct work *w, struct tenant *t, struct err *err)
{
	bool is_standing = false;

	if (work_connect(w, err) < 0 || work_stands(w, t->number, &is_standing, err) < 0)
		return work_leave(w);
	fault_point("control.build");
	int rc = t->restore_number && !is_standing ?
		 work_call(w, WIRE_RESTORE, t->number, t, err) : 0;

	fault_point("control.build.restored");
	if (rc == 0)
		rc = work_call(w, WIRE_APPLY, t->number, t, err);
	fault_point("control.build.applied");
	if (rc == 0 && !is_standing)
		rc = work_try_new(w, t, err);
	if (rc < 0 && is_passing(w, err->code))
		return work_leave(w);
	if (rc < 0)
		return is_standing ? fail_row(w, t, false, err) : retreat(w, t, err);
	return confirm(w, t, err);
}

/* Brings the rows of before the change back, there and here. */
static int roll_back(struct work *w, struct tenant *t, const struct tenant *before,
		     struct err *err)
{
	struct tenant old = *t;
	struct err second = { 0 };
	struct err both = { 0 };

	memcpy(old.plan, before->plan, sizeof(old.plan));
	memcpy(old.reason, before->reason, sizeof(old.reason));
	old.reason_class = before->reason_class;
	memcpy(old.failure, before->failure, sizeof(old.failure));
	memcpy(old.alias, before->alias, sizeof(old.alias));
	old.alias_count = before->alias_count;
	old.overrides = before->overrides;
	old.state = before->state;
	old.is_suspended = before->is_suspended;
	old.revision = t->revision + 1;
	fault_point("control.rollback");
	if (work_put(w, &old, false, 0, &second) < 0) {
		if (second.code != ERR_CONFLICT)
			return work_leave(w);
		/* A name of before is another site's by now: no later try would go back. */
		(void)err_set(&both, err->code, "%.300s; and going back: a name of before was "
			      "taken meanwhile", err->text);
		return fail_row(w, t, false, &both);
	}
	*t = old;
	fault_point("control.rollback.put");
	if (work_call(w, WIRE_APPLY, t->number, t, &second) == 0) {
		(void)confirm(w, t, &second);	/* if not, the reconciler does it */
		return -1;
	}
	if (is_passing(w, second.code))
		return work_leave(w);
	(void)err_set(&both, second.code, "%.300s; and going back: %.300s", err->text,
		      second.text);
	return fail_row(w, t, false, &both);
}

int work_settle(struct work *w, struct tenant *t, struct err *err)
{
	struct tenant before;

	fault_point("control.settle");
	if (work_call(w, WIRE_APPLY, t->number, t, err) == 0) {
		fault_point("control.settle.applied");
		return confirm(w, t, err);
	}
	if (is_passing(w, err->code))
		return work_leave(w);
	struct err second = { 0 };
	int kept = store_kept(w->store, t->number, KEPT_BEFORE, &before, &second);

	if (kept < 0)
		return work_leave(w);
	return kept ? roll_back(w, t, &before, err) : fail_row(w, t, false, err);
}

int work_remove(struct work *w, struct tenant *t, struct err *err)
{
	fault_point("control.remove");
	if (!t->is_undone && work_give_back(w, t->number, t, err) < 0)
		return is_passing(w, err->code) ? -1 : fail_row(w, t, false, err);
	fault_point("control.remove.removed");
	return end_row(w, t->number, !t->is_undone, err);
}
