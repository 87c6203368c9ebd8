/* SPDX-License-Identifier: Apache-2.0 */
/* add, set, suspend, resume, remove; restore is in change_restore.c. */
#include "daemon/control/change.h"

#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/view.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "tenants/build_job.h"
#include "tenants/life.h"

int change_find(struct work *w, const char *site, struct tenant *out, struct err *err)
{
	struct tenant t = { .state = TENANT_NONE };

	if (store_find(w->store, site, &t, err) < 0 && err->code != ERR_UNKNOWN_SITE)
		return -1;
	*out = t;
	return 0;
}

static int blame(struct outcome *o, const char *field)
{
	(void)str_copy(o->field, sizeof(o->field), field);
	return -1;
}

/* Everything that can be known to be wrong without the root side. */
int change_check(struct work *w, const struct tenant *t, struct outcome *o, struct err *err)
{
	struct overrides plan;
	struct wire_tenant wire;
	char holder[SITE_MAX];

	if (store_plan(w->store, t->plan, &plan, err) < 0)
		return blame(o, "plan");
	for (uint32_t i = 0; i <= t->alias_count; i++) {
		const char *host = i == 0 ? t->site : t->alias[i - 1];

		if (store_holder(w->store, host, holder, err) < 0)
			return -1;
		if (!holder[0] || strcmp(holder, t->site) == 0)
			continue;
		(void)err_set(err, ERR_CONFLICT, "host name '%s' belongs to site '%s'", host,
			      holder);
		return blame(o, i == 0 ? "site" : "aliases");
	}
	if (tenant_to_wire(t, &plan, &wire, err) < 0)
		return blame(o, err->code == ERR_CONFLICT ? "aliases" : "options");
	if (build_check_policy(w->settings, &wire, err) < 0)
		return blame(o, "options");
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

static int add(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
	       struct err *err)
{
	struct tenant old;

	(void)str_copy(t->plan, sizeof(t->plan), PLAN_DEFAULT);
	if (wish(c, t, err) < 0)
		return blame(o, "options");
	if (change_find(w, c->site, &old, err) < 0)
		return -1;
	bool is_same = old.state != TENANT_NONE && tenant_wants_same(&old, t);

	if (is_same && old.state == TENANT_LIVE) {
		*t = old;
		o->is_unchanged = true;
		return 0;
	}
	if (life_step(old.state, LIFE_ADD, c->site, &t->state, err) < 0)
		return blame(o, "site");
	if (old.state == TENANT_BUILDING && !is_same) {
		(void)err_set(err, ERR_CONFLICT, "site '%s' is being built with other values; "
			      "wait until it is live and change it with set", c->site);
		return blame(o, "site");
	}
	if (change_check(w, t, o, err) < 0)
		return -1;
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
	if (out->is_undone && event != LIFE_REMOVE)
		return err_set(err, ERR_CONFLICT,
			       "site '%s' has failed and nothing of it stands; add tries again, "
			       "remove clears it", c->site);
	return 0;
}

/* Promises the new rows and has them carried out. */
static int alter(struct work *w, struct tenant *t, struct err *err)
{
	if (work_connect(w, err) < 0)
		return -1;
	t->revision++;
	if (work_put(w, t, true, 0, err) < 0)
		return -1;
	fault_point("control.alter.put");
	return work_settle(w, t, err);
}

static int set(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
	       struct err *err)
{
	struct tenant old;
	int state = 0;

	if (find_for(w, c, LIFE_SET, &old, &state, err) < 0)
		return blame(o, "site");
	*t = old;
	t->state = state;
	if (wish(c, t, err) < 0)
		return blame(o, "options");
	if (tenant_wants_same(&old, t) && old.state != TENANT_FAILED) {
		o->is_unchanged = true;
		return 0;
	}
	if (change_check(w, t, o, err) < 0)
		return -1;
	return alter(w, t, err);
}

static int suspend(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err)
{
	int state = 0;

	if (find_for(w, c, LIFE_SUSPEND, t, &state, err) < 0)
		return blame(o, "site");
	if (t->state == TENANT_SUSPENDED && strcmp(t->reason, c->reason) == 0) {
		o->is_unchanged = true;
		return 0;
	}
	t->state = state;
	t->is_suspended = true;
	memcpy(t->reason, c->reason, sizeof(t->reason));
	return alter(w, t, err);
}

static int resume(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		  struct err *err)
{
	int state = 0;

	if (find_for(w, c, LIFE_RESUME, t, &state, err) < 0)
		return blame(o, "site");
	if (t->state == TENANT_LIVE) {
		o->is_unchanged = true;
		return 0;
	}
	t->state = state;
	t->is_suspended = false;
	t->reason[0] = '\0';
	return alter(w, t, err);
}

static int take_away(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		     struct err *err)
{
	int state = 0;

	if (find_for(w, c, LIFE_REMOVE, t, &state, err) < 0)
		return blame(o, "site");
	if (!t->is_undone && work_connect(w, err) < 0)
		return -1;
	t->state = state;
	t->revision++;
	if (work_put(w, t, false, 0, err) < 0)
		return -1;
	fault_point("control.remove.put");
	return work_remove(w, t, err);
}

static const struct {
	enum command_id command;
	int (*run)(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err);
} changes[] = {
	{ COMMAND_ADD, add },
	{ COMMAND_SET, set },
	{ COMMAND_SUSPEND, suspend },
	{ COMMAND_RESUME, resume },
	{ COMMAND_REMOVE, take_away },
	{ COMMAND_RESTORE, change_restore },
};

static int dispatch(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		    struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].command == c->command)
			return changes[i].run(w, c, t, o, err);
	return err_set(err, ERR_BAD_METHOD, "'%s' changes nothing", command_rows[c->command].word);
}

static json_t *data_of(struct work *w, const struct change *c, const struct tenant *t,
		       struct err *err)
{
	json_t *json = NULL;
	struct tenant now;

	if (c->command == COMMAND_REMOVE)
		json = json_pack("{s:s,s:I,s:b}", "site", t->site, "number", (json_int_t)t->number,
				 "is_restorable", !t->is_undone);
	else if (store_find_number(w->store, t->number, &now, err) == 0)
		json = view_tenant(w->store, w->settings, &now, err);
	if (json && w->steps)
		(void)json_object_set(json, "steps", w->steps);
	return json;
}

static void answer_done(struct work *w, const struct change *c, const struct tenant *t,
			const struct outcome *o, struct answer *out)
{
	const char *word = command_rows[c->command].word;
	const char *result = o->is_unchanged ? "unchanged" : "done";
	struct err err = { 0 };
	char reason[2 * SITE_MAX];
	json_t *data = data_of(w, c, t, &err);

	if (!data) {
		envelope_failed(out, word, &err, "");
		return;
	}
	if (c->command == COMMAND_REMOVE)
		(void)str_format(reason, sizeof(reason), "%s is removed", t->site);
	else
		(void)str_format(reason, sizeof(reason), "%s is %s%s", t->site,
				 tenant_state_word(t->state), o->is_unchanged ? " already" : "");
	envelope_done(out, word, result, o->note[0] ? o->note : reason, data);
}

void change_run(struct work *w, const struct change *c, struct answer *out)
{
	const char *word = command_rows[c->command].word;
	struct tenant t = { .state = TENANT_NONE };
	struct outcome o = { 0 };
	struct err err = { 0 };
	struct err second = { 0 };
	int64_t audit = 0;

	memcpy(t.site, c->site, sizeof(t.site));
	w->steps = json_array();
	/* What cannot be noted is not done. */
	int rc = store_audit(w->store, c->uid, word, c->site, &audit, &err);

	fault_point("control.audited");
	if (rc == 0)
		rc = dispatch(w, c, &t, &o, &err);
	const char *result = rc < 0 ? error_row(err.code)->name
			     : o.is_unchanged ? "unchanged" : "done";

	if (audit &&
	    store_audit_result(w->store, audit, result, rc < 0 ? err.text : "", &second) < 0)
		log_event(DAEMON_ERROR, "what=audit reason='%s'", second.text);
	log_event(API_CHANGE, "verb=%s tenant=%s uid=%u result=%s%s%s%s", word, c->site, c->uid,
		  result, rc < 0 ? " reason='" : "", rc < 0 ? err.text : "", rc < 0 ? "'" : "");
	if (rc < 0)
		envelope_failed(out, word, &err, o.field);
	else
		answer_done(w, c, &t, &o, out);
	json_decref(w->steps);
	w->steps = NULL;
}
