/* SPDX-License-Identifier: Apache-2.0 */
/* What all changes have in common: the table, the audit, the reply. */
#include "daemon/control/change.h"

#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/view.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "tenants/life.h"

static const struct {
	enum command_id command;
	bool is_of_one_site;
	int (*run)(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err);
} changes[] = {
	{ COMMAND_ADD, true, change_add },
	{ COMMAND_SET, true, change_set },
	{ COMMAND_ALIAS_ADD, true, change_aliases },
	{ COMMAND_ALIAS_REMOVE, true, change_aliases },
	{ COMMAND_SUSPEND, true, change_suspend },
	{ COMMAND_RESUME, true, change_resume },
	{ COMMAND_REMOVE, true, change_remove },
	{ COMMAND_RESTORE, false, change_restore },
	{ COMMAND_PLAN_ADD, false, change_plan_add },
	{ COMMAND_PLAN_SET, false, change_plan_set },
	{ COMMAND_PLAN_REMOVE, false, change_plan_remove },
	{ COMMAND_REPAIR, false, change_repair },
	{ COMMAND_EXEC, false, change_exec },
};

bool change_is_of_one_site(const struct change *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].command == c->command)
			return changes[i].is_of_one_site;
	return false;
}

static int dispatch(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		    struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].command == c->command)
			return changes[i].run(w, c, t, o, err);
	return err_set(err, ERR_BAD_METHOD, "'%s' changes nothing", command_rows[c->command].word);
}

static json_t *data_of(struct work *w, const struct change *c, const struct tenant *t,
		       const struct outcome *o, struct err *err)
{
	json_t *json = NULL;
	struct tenant now;

	/* A repair that only looks tells what differs, not what would change. */
	if (o->data && (!c->is_dry_run || c->command == COMMAND_REPAIR))
		return json_incref(o->data);
	if (c->is_dry_run)
		return json_pack("{s:s,s:b,s:O}", c->site[0] ? "site" : "name", change_target(c),
				 "dry_run", 1, "changes", o->changes);
	if (c->command == COMMAND_REMOVE)
		json = json_pack("{s:s,s:I,s:b}", "site", t->site, "number", (json_int_t)t->number,
				 "is_restorable", !t->is_undone);
	else if (store_find_number(w->store, t->number, &now, err) == 0)
		json = view_tenant(w->store, w->settings, &now, err);
	if (json && w->steps)
		(void)json_object_set(json, "steps", w->steps);
	return json;
}

static void say_done(const struct change *c, const struct tenant *t, const struct outcome *o,
		     char out[ERR_TEXT_MAX])
{
	if (o->note[0])
		(void)str_copy(out, ERR_TEXT_MAX, o->note);
	else if (c->is_dry_run)
		(void)str_format(out, ERR_TEXT_MAX, o->is_unchanged ? "%s is so already"
						     : "%s would be changed; nothing was",
				 change_target(c));
	else if (c->command == COMMAND_REMOVE)
		(void)str_format(out, ERR_TEXT_MAX, "%s is removed", t->site);
	else
		(void)str_format(out, ERR_TEXT_MAX, "%s is %s%s", t->site,
				 tenant_state_word(t->state), o->is_unchanged ? " already" : "");
}

static void answer_done(struct work *w, const struct change *c, const struct tenant *t,
			struct outcome *o, struct answer *out)
{
	const char *word = command_rows[c->command].word;
	char reason[ERR_TEXT_MAX];
	struct err err = { 0 };

	if (c->is_dry_run && !o->changes)
		o->changes = json_array();
	json_t *data = data_of(w, c, t, o, &err);

	if (!data) {
		if (!err.code)
			(void)err_set(&err, ERR_SYSTEM, "no memory for the reply");
		envelope_failed(out, word, &err, "");
		return;
	}
	say_done(c, t, o, reason);
	envelope_done(out, word, o->is_unchanged ? "unchanged" : "done", reason, data);
}

#define TRIM_EVERY 64	/* changes; so many more than audit_rows may be there */

static void trim_audit(struct work *w, int64_t audit)
{
	struct err err = { 0 };

	if (audit % TRIM_EVERY == 0 &&
	    store_audit_trim(w->store, w->settings->audit_rows, &err) < 0)
		log_event(DAEMON_ERROR, "what=audit_trim reason='%s'", err.text);
}

/* What cannot be noted is not done. */
static int run_noted(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		     struct err *err)
{
	const char *word = command_rows[c->command].word;
	struct err second = { 0 };
	int64_t audit = 0;
	int rc = store_audit(w->store, c->uid, word, change_target(c), &audit, err);

	fault_point("control.audited");
	if (rc == 0)
		rc = dispatch(w, c, t, o, err);
	const char *result = rc < 0 ? error_row(err->code)->name
			     : o->is_unchanged ? "unchanged" : "done";

	if (audit &&
	    store_audit_result(w->store, audit, result, rc < 0 ? err->text : o->audit,
			       &second) < 0)
		log_event(DAEMON_ERROR, "what=audit reason='%s'", second.text);
	trim_audit(w, audit);
	log_event(API_CHANGE, "verb='%s' %s=%s uid=%u result=%s%s%s%s", word,
		  c->site[0] ? "tenant" : "plan", change_target(c), c->uid, result,
		  rc < 0 ? " reason='" : "", rc < 0 ? err->text : "", rc < 0 ? "'" : "");
	return rc;
}

void change_run(struct work *w, const struct change *c, struct answer *out)
{
	struct tenant t = { .state = TENANT_NONE };
	struct outcome o = { 0 };
	struct err err = { 0 };

	memcpy(t.site, c->site, sizeof(t.site));
	w->steps = json_array();
	w->is_untried = c->is_untried;
	int rc = c->is_dry_run ? dispatch(w, c, &t, &o, &err) : run_noted(w, c, &t, &o, &err);

	if (rc < 0)
		envelope_failed(out, command_rows[c->command].word, &err, o.field);
	else
		answer_done(w, c, &t, &o, out);
	memcpy(out->fds, o.fds, sizeof(out->fds));
	out->fd_count = o.fd_count;
	json_decref(o.changes);
	json_decref(o.data);
	json_decref(w->steps);
	w->steps = NULL;
	w->is_untried = false;
}
