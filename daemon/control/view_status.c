/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of what a tenant's pool does, and of what came of trying to break out of it. */
#include "daemon/control/view.h"

#include "base/str.h"
#include "daemon/control/envelope.h"
#include "daemon/control/view_parts.h"
#include "schema/promises.h"

static void put_status(json_t *json, const struct wire_status *s)
{
	const struct {
		const char *name;
		json_t *value;
	} rows[] = {
		{ "pool_state", json_string(pool_state_word((int)s->pool_state)) },
		{ "since", view_time(s->since) },
		{ "generation", json_integer(s->generation) },
		{ "master_pid", s->master_pid > 0 ? json_integer(s->master_pid) : json_null() },
		{ "processes", json_integer(s->processes) },
		{ "starts", view_number(s->starts) },
		{ "crashes", view_number(s->crashes) },
		{ "backoff_s", json_integer(s->backoff_s) },
		{ "workers", s->workers < 0 ? json_null() : json_integer(s->workers) },
		{ "active", s->active < 0 ? json_null() : json_integer(s->active) },
		{ "memory_current", view_number(s->memory_current) },
		{ "memory_max", view_number(s->memory_max) },
		{ "memory_oom_kill", view_number(s->memory_oom_kill) },
		{ "memory_max_hit", view_number(s->memory_max_hit) },
		{ "pids_current", view_number(s->pids_current) },
		{ "pids_max", view_number(s->pids_max) },
		{ "pids_max_hit", view_number(s->pids_max_hit) },
		{ "cpu_usage_us", view_number(s->cpu_usage_us) },
		{ "cpu_nr_throttled", view_number(s->cpu_nr_throttled) },
		{ "cpu_throttled_us", view_number(s->cpu_throttled_us) },
		{ "disk_used", view_number(s->disk_used) },
		{ "disk_max", view_number(s->disk_max) },
		{ "inodes_used", view_number(s->inodes_used) },
		{ "inodes_max", view_number(s->inodes_max) },
		{ "listener_replaced", view_number(s->listener_replaced) },
		{ "listen_queue", json_integer(s->listen_queue) },
		{ "is_adopted", json_boolean(s->is_adopted) },
		{ "network", json_string(link_state_word((int)s->network)) },
		{ "network_reason", envelope_text(s->network_reason) },
		{ "sent_bytes", view_number(s->sent_bytes) },
		{ "sent_packets", view_number(s->sent_packets) },
		{ "received_bytes", view_number(s->received_bytes) },
		{ "received_packets", view_number(s->received_packets) },
		{ "refused_packets", view_number(s->refused_packets) },
		{ "violations", view_number(s->violations) },
		{ "violation_calls", envelope_text(s->violation_calls) },
		{ "violations_reason", json_string(s->violations != UINT64_MAX ? "" :
			"not counted on this machine: audit is off, or it is a container") },
		{ "last_end", envelope_text(s->last_end) },
		{ "last_error", envelope_text(s->last_error) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		(void)json_object_set_new(json, rows[i].name, rows[i].value);
}

static void put_board(json_t *json, const struct wire_board *b)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "max_children", b->max_children }, { "max_active", b->max_active },
		{ "max_children_reached", b->max_children_reached },
		{ "accepted", b->accepted }, { "max_listen_queue", b->max_listen_queue },
		{ "listen_queue_len", b->listen_queue_len }, { "slow_requests", b->slow },
		{ "late_requests", b->late }, { "waited_ms", b->waited_ms },
		{ "memory_mapped", b->memory_mapped },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		(void)json_object_set_new(json, rows[i].name, view_number(rows[i].value));
}

static void put_mail(json_t *json, const struct mail_count *m)
{
	(void)json_object_set_new(json, "mail_sent", view_number(m->sent));
	(void)json_object_set_new(json, "mail_refused", view_number(m->refused));
	(void)json_object_set_new(json, "mail_in_hour", json_integer(m->in_hour));
}

json_t *view_status(const struct tenant *t, const struct wire_status *status,
		    const struct wire_board *board, const struct mail_count *mail)
{
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:o,s:o}", "number", (json_int_t)t->number,
				 "site", t->site, "site_unicode", view_unicode(t->site), "state",
				 tenant_state_word(t->state), "class", view_reason_class(t),
				 "reason", view_reason(t));

	if (status) {
		put_status(json, status);
		put_board(json, board);
		if (mail)
			put_mail(json, mail);
	} else
		(void)json_object_set_new(json, "pool_state", json_null());
	return json;
}

json_t *view_verify(const struct tenant *t, const struct wire_promise *rows, size_t count)
{
	json_t *checks = json_array();
	int held = 0, skipped = 0;

	for (size_t i = 0; i < count; i++) {
		const struct promise_row *p = &promise_rows[rows[i].row];

		held += rows[i].outcome == PROMISE_HELD;
		skipped += rows[i].outcome == PROMISE_SKIPPED;
		json_t *check = json_pack(
			"{s:s,s:s,s:s,s:s,s:o,s:s,s:s}", "site", t->site, "id", p->id, "result",
			promise_outcome_word(rows[i].outcome), "promise", p->sentence, "found",
			envelope_text(rows[i].text), "class", promise_class_word(p->class),
			"severity", promise_severity_word(p->severity));

		(void)json_array_append_new(checks, check);
	}
	return json_pack("{s:s,s:o,s:i,s:i,s:i}", "site", t->site, "checks", checks, "held", held,
			 "failed", (int)count - held - skipped, "skipped", skipped);
}
