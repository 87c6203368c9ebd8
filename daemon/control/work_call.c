/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the root side. */
#include "daemon/control/work_inside.h"

#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "daemon/control/envelope.h"
#include "schema/errors.h"
#include "tenants/build_job.h"

int work_leave(struct work *w)
{
	w->is_left = true;
	return -1;
}

int work_connect(struct work *w, struct err *err)
{
	if (link_is_open(&w->link))
		return 0;
	if (link_open(&w->link, w->settings->run_dir, err) < 0)
		return -1;
	w->is_left = w->is_left || !w->turn;
	return 0;
}

static void note_step(void *ctx, const struct wire_step *step)
{
	struct work *w = ctx;
	json_t *json = json_pack("{s:s,s:I,s:i}", "name", step->name, "microseconds",
				 (json_int_t)step->microseconds, "code", (int)step->code);

	w->wrong += step->code != 0;
	if (step->text[0])
		(void)json_object_set_new(json, "sentence", envelope_text(step->text));
	if (w->steps)
		(void)json_array_append(w->steps, json);
	json_decref(json);
}

static int send(struct work *w, uint16_t verb, uint32_t number, const struct wire_tenant *wire,
		struct err *err)
{
	int rc = 0;

	/* A helper that was killed halfway is not an answer about the tenant: its
	 * work may be done again, and once is enough to tell bad luck from more. */
	for (int i = 0; i < 2; i++) {
		if (work_connect(w, err) < 0)
			return -1;
		if (w->turn)
			(void)pthread_mutex_unlock(w->turn);
		rc = link_call(&w->link, verb, number, wire, sizeof(*wire), note_step, w, err);
		if (w->turn)
			(void)pthread_mutex_lock(w->turn);
		if (!link_is_open(&w->link))
			w->is_left = true;	/* nobody knows what came of it */
		if (rc == 0 || err->code != ERR_INTERRUPTED)
			break;
	}
	return rc;
}

int work_call(struct work *w, uint16_t verb, uint32_t number, const struct tenant *t,
	      struct err *err)
{
	struct overrides plan;
	struct wire_tenant wire;

	if (store_plan(w->store, t->plan, &plan, err) < 0 ||
	    tenant_to_wire(t, &plan, &wire, err) < 0)
		return -1;
	return send(w, verb, number, &wire, err);
}

int work_stands(struct work *w, uint32_t number, bool *out, struct err *err)
{
	struct wire_page page = { .after = number - 1 };
	struct wire_list_row row = { 0 };

	if (link_call(&w->link, WIRE_LIST, 0, &page, sizeof(page), NULL, NULL, err) < 0)
		return -1;
	if (w->link.size >= sizeof(row))
		memcpy(&row, link_payload(&w->link), sizeof(row));
	*out = row.number == number;
	return 0;
}

int work_issue(struct work *w, const struct tenant *t, uint32_t *out_number, bool *out_stands,
	       struct err *err)
{
	if (work_call(w, WIRE_ISSUE, 0, t, err) < 0)
		return -1;
	uint32_t number = w->link.head.number;

	if (number == 0)
		return err_set(err, ERR_BAD_RECORD, "the root side gave no number for '%s'",
			       t->site);
	if (work_stands(w, number, out_stands, err) < 0)
		return work_leave(w);
	*out_number = number;
	return 0;
}

/* Taking away asks for names only: it goes also where a stored option has
 * become one that is refused. */
int work_give_back(struct work *w, uint32_t number, const struct tenant *t, struct err *err)
{
	struct wire_tenant wire = { .revision = t->revision, .alias_count = t->alias_count };

	memcpy(wire.site, t->site, sizeof(wire.site));
	memcpy(wire.alias, t->alias, sizeof(wire.alias));
	options_default(&wire.options);
	if (send(w, WIRE_REMOVE, number, &wire, err) == 0 || err->code == ERR_UNKNOWN_SITE)
		return 0;
	return work_leave(w);
}

int work_check(struct work *w, const struct tenant *t, uint32_t *out_wrong, struct err *err)
{
	w->wrong = 0;
	if (work_call(w, WIRE_CHECK, t->number, t, err) < 0)
		return -1;
	*out_wrong = w->wrong;
	return 0;
}

int work_try(struct work *w, const struct tenant *t, struct err *err)
{
	if (w->is_untried)
		return 0;
	fault_point("control.try");
	int rc = work_call(w, WIRE_TRY, t->number, t, err);

	fault_point("control.tried");
	return rc;
}

int work_try_new(struct work *w, const struct tenant *t, struct err *err)
{
	struct overrides plan;
	struct wire_tenant wire;
	struct options usual;

	options_default(&usual);
	if (w->is_untried || t->is_suspended || t->restore_number)
		return 0;
	if (store_plan(w->store, t->plan, &plan, err) < 0 ||
	    tenant_to_wire(t, &plan, &wire, err) < 0)
		return -1;
	memset(wire.options.preload, 0, sizeof(wire.options.preload));
	if (!(options_difference(&usual, &wire.options) & OPTION_JUDGED))
		return 0;
	fault_point("control.build.try");
	return send(w, WIRE_TRY, t->number, &wire, err);
}
