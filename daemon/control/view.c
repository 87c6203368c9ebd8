/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of what is stored and what runs. */
#include "daemon/control/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "daemon/control/envelope.h"
#include "schema/errors.h"
#include "schema/promises.h"
#include "schema/reasons.h"
#include "tenants/idn.h"
#include "tenants/php_versions.h"

#define DAY_S 86400

static json_t *unicode(const char *site)
{
	char text[IDN_TEXT_MAX];

	idn_to_unicode(site, text);
	return envelope_text(text);
}

/* "2025-01-31T12:00:00Z" */
static json_t *when(int64_t at)
{
	time_t seconds = (time_t)at;
	struct tm parts = { 0 };
	char text[40];

	if (at <= 0 || !gmtime_r(&seconds, &parts) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		return json_null();
	return json_string(text);
}

/* A count of the kernel; its "no limit" has no number. */
static json_t *number(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *path(const char *dir, const char *below)
{
	struct text t = { 0 };
	json_t *json = NULL;

	text_add(&t, "%s/%s", dir, below);
	json = t.failed ? NULL : envelope_text(t.data);
	text_free(&t);
	return json;
}

/* For option_each(). */
static int put_option(void *json, const char *name, const char *value)
{
	return json_object_set_new(json, name, json_string(value));
}

static int put_name(void *json, const char *name, const char *value)
{
	(void)value;
	return json_array_append_new(json, json_string(name));
}

json_t *view_options(const struct options *o)
{
	json_t *json = json_object();

	for (int i = 0; i < OPTION_IDS; i++) {
		char value[OPTION_FORMAT_MAX];

		options_format(o, &option_rows[i], value);
		(void)option_each(&option_rows[i], value, put_option, json);
	}
	return json;
}

json_t *view_option_names(const struct overrides *o)
{
	json_t *json = json_array();

	for (int i = 0; i < OPTION_IDS; i++)
		if (o->of[i].is_set)
			(void)option_each(&option_rows[i], o->of[i].text, put_name, json);
	return json;
}

static json_t *aliases(const struct tenant *t)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i < t->alias_count; i++)
		(void)json_array_append_new(json, json_string(t->alias[i]));
	return json;
}

/* The class of a suspension, or null. */
static json_t *reason_class(const struct tenant *t)
{
	const struct reason_row *row = t->is_suspended ? reason_row(t->reason_class) : NULL;

	return row ? json_string(row->word) : json_null();
}

/* What the state asks for: why it failed, or why it is suspended. */
static json_t *reason(const struct tenant *t)
{
	return envelope_text(t->failure[0] ? t->failure : t->reason);
}

/* Where a browser finds the site: the port of nginx's first address ("80",
 * "127.0.0.1:8080", "[::]:8080 ..."). */
static json_t *url(const struct settings *set, const struct tenant *t)
{
	char first[SETTING_TEXT_MAX];
	uint64_t port = 0;

	(void)str_format(first, sizeof(first), "%.*s", (int)strcspn(set->nginx_listen, ", "),
			 set->nginx_listen);
	const char *colon = strrchr(first, ':');

	if (str_number(colon ? colon + 1 : first, UINT16_MAX, &port) < 0 || port == 80)
		return json_sprintf("http://%s/", t->site);
	return json_sprintf("http://%s:%u/", t->site, (unsigned)port);
}

static void put_places(json_t *json, const struct settings *set, const struct tenant *t,
		       const struct options *o)
{
	char root[SITE_MAX + OPTION_TEXT_MAX];
	char jail[32], socket[32], vhost[48];

	(void)str_format(root, sizeof(root), "%s/%s", t->site, o->document_root);
	(void)str_format(jail, sizeof(jail), "spec/%u", t->number);
	(void)str_format(socket, sizeof(socket), "pool/%u/php.sock", t->number);
	(void)str_format(vhost, sizeof(vhost), "nginx/sites/%u.conf", t->number);
	(void)json_object_set_new(json, "home", path(set->home_dir, t->site));
	(void)json_object_set_new(json, "document_root", path(set->home_dir, root));
	(void)json_object_set_new(json, "jail", path(set->state_dir, jail));
	(void)json_object_set_new(json, "socket", path(set->run_dir, socket));
	(void)json_object_set_new(json, "vhost", path(set->state_dir, vhost));
	(void)json_object_set_new(json, "logs", path(set->log_dir, t->site));
	(void)json_object_set_new(json, "url", url(set, t));
}

json_t *view_tenant(struct store *s, const struct settings *set, const struct tenant *t,
		    struct err *err)
{
	struct overrides plan = { 0 };
	struct options o;
	uint64_t uid = set->uid_base + t->number;

	if (store_plan(s, t->plan, &plan, err) < 0 ||
	    overrides_resolve(&plan, &t->overrides, &o, err) < 0) {
		(void)err_wrap(err, "site '%s'", t->site);
		return NULL;
	}
	json_t *json = json_pack("{s:I,s:s,s:o,s:o,s:s,s:o,s:o,s:I,s:I}", "number",
				 (json_int_t)t->number, "site", t->site, "site_unicode",
				 unicode(t->site), "aliases", aliases(t), "state",
				 tenant_state_word(t->state), "class", reason_class(t), "reason",
				 reason(t), "uid",
				 (json_int_t)uid, "gid", (json_int_t)uid);

	put_places(json, set, t, &o);
	(void)json_object_update_new(
		json, json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:o,s:o}", "plan", t->plan, "php",
				php_version_of(set, &o), "options", view_options(&o), "overrides",
				view_option_names(&t->overrides), "not_enforced",
				view_not_enforced(set->run_dir), "revision",
				(json_int_t)t->revision, "created_at", when(t->created_at),
				"changed_at", when(t->changed_at)));
	if (!json)
		(void)err_set(err, ERR_SYSTEM, "no memory for the reply");
	return json;
}

static void put_status(json_t *json, const struct wire_status *s)
{
	const struct {
		const char *name;
		json_t *value;
	} rows[] = {
		{ "pool_state", json_string(pool_state_word((int)s->pool_state)) },
		{ "since", when(s->since) },
		{ "generation", json_integer(s->generation) },
		{ "master_pid", s->master_pid > 0 ? json_integer(s->master_pid) : json_null() },
		{ "processes", json_integer(s->processes) },
		{ "starts", number(s->starts) },
		{ "crashes", number(s->crashes) },
		{ "backoff_s", json_integer(s->backoff_s) },
		{ "workers", s->workers < 0 ? json_null() : json_integer(s->workers) },
		{ "active", s->active < 0 ? json_null() : json_integer(s->active) },
		{ "memory_current", number(s->memory_current) },
		{ "memory_max", number(s->memory_max) },
		{ "memory_oom_kill", number(s->memory_oom_kill) },
		{ "memory_max_hit", number(s->memory_max_hit) },
		{ "pids_current", number(s->pids_current) },
		{ "pids_max", number(s->pids_max) },
		{ "pids_max_hit", number(s->pids_max_hit) },
		{ "cpu_usage_us", number(s->cpu_usage_us) },
		{ "cpu_nr_throttled", number(s->cpu_nr_throttled) },
		{ "cpu_throttled_us", number(s->cpu_throttled_us) },
		{ "disk_used", number(s->disk_used) },
		{ "disk_max", number(s->disk_max) },
		{ "inodes_used", number(s->inodes_used) },
		{ "inodes_max", number(s->inodes_max) },
		{ "listener_replaced", number(s->listener_replaced) },
		{ "listen_queue", json_integer(s->listen_queue) },
		{ "is_adopted", json_boolean(s->is_adopted) },
		{ "network", json_string(link_state_word((int)s->network)) },
		{ "network_reason", envelope_text(s->network_reason) },
		{ "sent_bytes", number(s->sent_bytes) },
		{ "sent_packets", number(s->sent_packets) },
		{ "received_bytes", number(s->received_bytes) },
		{ "received_packets", number(s->received_packets) },
		{ "refused_packets", number(s->refused_packets) },
		{ "violations", number(s->violations) },
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
		(void)json_object_set_new(json, rows[i].name, number(rows[i].value));
}

static void put_mail(json_t *json, const struct mail_count *m)
{
	(void)json_object_set_new(json, "mail_sent", number(m->sent));
	(void)json_object_set_new(json, "mail_refused", number(m->refused));
	(void)json_object_set_new(json, "mail_in_hour", json_integer(m->in_hour));
}

json_t *view_status(const struct tenant *t, const struct wire_status *status,
		    const struct wire_board *board, const struct mail_count *mail)
{
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:o,s:o}", "number", (json_int_t)t->number,
				 "site", t->site, "site_unicode", unicode(t->site), "state",
				 tenant_state_word(t->state), "class", reason_class(t), "reason",
				 reason(t));

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

struct list {
	json_t *rows;
	struct wire_list_row *live;
	uint32_t live_count;
};

static int add_row(const struct store_row *row, void *ctx)
{
	struct list *l = ctx;
	const struct wire_list_row *live = live_find(l->live, l->live_count, row->number);
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:s?,s:s,s:o}", "number",
				 (json_int_t)row->number, "site", row->site, "site_unicode",
				 unicode(row->site), "state", tenant_state_word(row->state),
				 "pool_state", live ? pool_state_word(live->pool_state) : NULL,
				 "plan", row->plan, "reason", envelope_text(row->reason));

	(void)json_array_append_new(l->rows, json);
	return 0;
}

json_t *view_list(struct store *s, struct live *live, struct err *err)
{
	struct list l = { .rows = json_array() };
	struct err away = { 0 };
	bool is_away = live_list(live, &l.live, &l.live_count, &away) < 0;
	int rc = store_each(s, add_row, &l, err);

	free(l.live);
	if (rc < 0) {
		json_decref(l.rows);
		return NULL;
	}
	return json_pack("{s:o,s:s}", "tenants", l.rows, "supervisor",
			 is_away ? "away" : "reachable");
}

struct removed {
	json_t *rows;
	int64_t keep_s;
};

static int add_removed(const struct store_removed_row *row, void *ctx)
{
	struct removed *r = ctx;
	json_t *json = json_pack("{s:I,s:s,s:o,s:s,s:o,s:o}", "number", (json_int_t)row->number,
				 "site", row->site, "site_unicode", unicode(row->site), "plan",
				 row->plan, "removed_at", when(row->removed_at), "kept_until",
				 when(row->removed_at + r->keep_s));

	(void)json_array_append_new(r->rows, json);
	return 0;
}

json_t *view_removed(struct store *s, const struct settings *set, struct err *err)
{
	struct removed r = { json_array(), (int64_t)set->removed_keep_days * DAY_S };

	if (store_each_removed(s, add_removed, &r, err) < 0) {
		json_decref(r.rows);
		return NULL;
	}
	return json_pack("{s:o}", "removed", r.rows);
}

json_t *view_counts(struct store *s, struct err *err)
{
	uint64_t counts[TENANT_STATES];
	json_t *json = NULL;

	if (store_count(s, counts, err) < 0)
		return NULL;
	json = json_pack("{s:I}", "all", (json_int_t)counts[0]);
	for (int i = 1; i < TENANT_STATES; i++)
		(void)json_object_set_new(json, tenant_state_word(i),
					  json_integer((json_int_t)counts[i]));
	return json;
}
