/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair: compares what should be with what is, part by part, goes the way that
 * any change goes, and looks a second time.
 */
#include "base/fault.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "schema/errors.h"

/* The row, if it is one that nobody is working on. */
static int find(struct work *w, const struct change *c, struct tenant *t, struct err *err)
{
	if (store_find(w->store, c->site, t, err) < 0)
		return -1;
	if (t->state == TENANT_BUILDING || t->state == TENANT_REMOVING)
		return err_set(err, ERR_CONFLICT, "site '%s' is %s; that goes on by itself",
			       c->site, tenant_state_word(t->state));
	if (t->is_undone)
		return err_set(err, ERR_CONFLICT, "site '%s' has failed and nothing of it stands; "
			       "add tries again, remove clears it", c->site);
	return 0;
}

/* The reply: which parts differed, how many still do, and what was done. */
static int tell(struct work *w, const struct change *c, const struct tenant *t, struct outcome *o,
		json_t *wrong, struct err *err)
{
	size_t count = json_array_size(wrong);

	(void)str_format(o->note, sizeof(o->note), "%s %s", t->site,
			 c->is_dry_run && count > 0 ? "has parts that are not as they should be" :
			 o->is_unchanged ? "is as it should be" : "is mended");
	o->data = json_pack("{s:s,s:I,s:b,s:o,s:i,s:O}", "site", t->site, "number",
			    (json_int_t)t->number, "dry_run", c->is_dry_run, "wrong", wrong,
			    "failed", c->is_dry_run ? (int)count : 0, "steps", w->steps);
	return o->data ? 0 : err_set(err, ERR_SYSTEM, "no memory for the reply");
}

/* Takes the steps that erred out; the others told that nothing was wrong. */
static json_t *take_wrong(struct work *w)
{
	json_t *wrong = json_array();
	size_t i = 0;
	json_t *step = NULL;

	json_array_foreach(w->steps, i, step)
		if (json_integer_value(json_object_get(step, "code")) != 0)
			(void)json_array_append(wrong, step);
	(void)json_array_clear(w->steps);
	return wrong;
}

/* Goes forward as any change does, and looks again. */
static int mend(struct work *w, struct tenant *t, struct err *err)
{
	uint32_t wrong = 0;

	if (work_settle(w, t, err) < 0)
		return -1;
	json_t *made = w->steps;

	/* The second look is no step of the change. */
	w->steps = NULL;
	int rc = work_check(w, t, &wrong, err);

	w->steps = made;
	if (rc == 0 && wrong > 0)
		return err_set(err, ERR_FAILED, "%u parts of '%s' still differ; see: tenantctl "
			       "repair %s --dry-run", wrong, t->site, t->site);
	return rc;
}

int change_repair(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		  struct err *err)
{
	uint32_t wrong = 0;

	if (find(w, c, t, err) < 0)
		return change_blame(o, "site");
	if (work_connect(w, err) < 0 || work_check(w, t, &wrong, err) < 0)
		return -1;
	json_t *differs = take_wrong(w);

	fault_point("control.repair.checked");
	o->is_unchanged = c->is_dry_run || (wrong == 0 && t->state != TENANT_FAILED);
	if (!o->is_unchanged && mend(w, t, err) < 0) {
		json_decref(differs);
		return -1;
	}
	return tell(w, c, t, o, differs, err);
}
