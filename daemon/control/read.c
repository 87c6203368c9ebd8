/* SPDX-License-Identifier: Apache-2.0 */
/* list, show, status, plan list, php list, removed. */
#include "daemon/control/read.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "build_config.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/control/doctor.h"
#include "daemon/control/jail_view.h"
#include "daemon/control/mail_ask.h"
#include "daemon/control/view.h"
#include "schema/errors.h"
#include "tenants/idn.h"
#include "tenants/vhost.h"

#define STRANGERS_SHOWN 100

bool read_is_nginx_there(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 &&
	       str_format(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir,
			  VHOST_SOCKET) == 0 &&
	       connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static json_t *strangers_json(const struct stranger *rows, uint32_t count)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i < count && i < STRANGERS_SHOWN; i++)
		(void)json_array_append_new(json, json_pack("{s:I,s:o}", "number",
							    (json_int_t)rows[i].number, "site",
							    envelope_text(rows[i].site)));
	return json;
}

static json_t *daemon_status(struct reader *r, struct err *err)
{
	struct stranger strangers[STRANGERS_SHOWN];
	struct changer_report report;
	struct err away = { 0 };
	bool is_there = live_ping(&r->live, &away) == 0;
	json_t *counts = view_counts(r->store, err);

	if (!counts)
		return NULL;
	changer_report(r->changer, &report, strangers, STRANGERS_SHOWN);
	return json_pack("{s:s,s:s,s:o,s:s,s:o,s:i,s:b,s:i,s:o}", "version", TENANTD_VERSION,
			 "supervisor", is_there ? "reachable" : "away", "supervisor_reason",
			 envelope_text(is_there ? "" : away.text), "nginx",
			 read_is_nginx_there(r->settings->run_dir) ? "reachable" : "away",
			 "tenants",
			 counts, "changes_waiting", (int)report.waiting, "is_reconciled",
			 (int)report.is_reconciled, "unknown_to_database_count",
			 (int)report.stranger_count, "unknown_to_database",
			 strangers_json(strangers, report.stranger_count));
}

static json_t *site_status(struct reader *r, const struct tenant *t, struct err *err)
{
	struct wire_status status;
	struct wire_board board;
	struct mail_count mail;
	bool has_more = false;

	if (live_status(&r->live, t->number, &status, err) == 0 &&
	    live_board(&r->live, t->number, 0, &board, &has_more, err) == 0)
		return view_status(t, &status, &board,
				   mail_ask(r->settings->run_dir, t->number, &mail) ? &mail : NULL);
	return err->code == ERR_UNKNOWN_SITE ? view_status(t, NULL, NULL, NULL) : NULL;
}

static json_t *site_jail(struct reader *r, const struct tenant *t, struct err *err)
{
	struct overrides plan;
	struct options options;
	json_t *json = NULL;
	struct wire_jail *jail = malloc(sizeof(*jail));

	if (!jail)
		(void)err_sys(err, "memory for the facts");
	else if (store_plan(r->store, t->plan, &plan, err) == 0 &&
		 overrides_resolve(&plan, &t->overrides, &options, err) == 0 &&
		 live_jail(&r->live, t->number, jail, err) == 0)
		json = jail_view(r->settings, t, &options, jail);
	free(jail);
	return json;
}

static json_t *site_verify(struct reader *r, const struct tenant *t, struct err *err)
{
	struct wire_promise rows[WIRE_PROMISE_ROWS];
	size_t count = 0;

	if (live_verify(&r->live, t->number, rows, &count, err) < 0)
		return NULL;
	return view_verify(t, rows, count);
}

static json_t *one_site(struct reader *r, const struct route *route, struct err *err)
{
	struct tenant t;
	char site[SITE_MAX];

	if (idn_to_ascii(route->operand, site, err) < 0 || store_find(r->store, site, &t, err) < 0)
		return NULL;
	if (route->row->id == ROUTE_JAIL)
		return site_jail(r, &t, err);
	if (route->row->id == COMMAND_VERIFY)
		return site_verify(r, &t, err);
	return route->row->id == COMMAND_STATUS ? site_status(r, &t, err)
					   : view_tenant(r->store, r->settings, &t, err);
}

static json_t *one_plan(struct reader *r, const struct route *route, struct err *err)
{
	json_t *json = view_plan(r->store, &r->live, route->operand, err);

	if (!json && err->code == ERR_UNKNOWN_PLAN)
		err->code = ERR_NO_PLAN;	/* no value that is wrong, but what is asked for */
	return json;
}

static json_t *data_of(struct reader *r, const struct route *route, struct err *err)
{
	switch ((int)route->row->id) {
	case COMMAND_LIST:
		return view_list(r->store, &r->live, err);
	case COMMAND_SHOW:
	case COMMAND_STATUS:
	case COMMAND_VERIFY:
	case ROUTE_JAIL:
		return one_site(r, route, err);
	case COMMAND_DOCTOR:
		return doctor_run(r->settings, r->store, &r->live);
	case ROUTE_DAEMON:
		return daemon_status(r, err);
	case COMMAND_PLAN_SHOW:
		return one_plan(r, route, err);
	case COMMAND_PLAN_LIST:
		return view_plans(r->store, err);
	case COMMAND_PHP_LIST:
		return view_php(r->store, r->settings, err);
	case ROUTE_REMOVED:
		return view_removed(r->store, r->settings, err);
	default:
		(void)err_set(err, ERR_NO_ROUTE, "'%s' is not a request that reads",
			      route->row->word);
		return NULL;
	}
}

/* The words of the query; *out_field is the one that is wrong. */
static int parse_log(const struct route *route, struct log_request *out, const char **out_field,
		     struct err *err)
{
	const char *which = route->query[FLAG_WHICH];
	const char *lines = route->query[FLAG_LINES];
	int kind = which[0] ? log_kind_by_word(which) : LOG_KIND_ACCESS;
	uint64_t count = LOG_LINES_USUAL;

	*out_field = flag_rows[FLAG_WHICH].field;
	if (kind < 0)
		return err_set(err, ERR_USAGE, "there is no log '%.40s'; there are access, error, "
			       "php, slow and mail", which);
	*out_field = flag_rows[FLAG_LINES].field;
	if (lines[0] && str_number(lines, LOG_LINES_MAX, &count) < 0)
		return err_set(err, ERR_USAGE, "'%.40s' is no number of lines from 0 to %d", lines,
			       LOG_LINES_MAX);
	*out_field = "site";
	out->kind = (enum log_kind)kind;
	out->lines = (uint32_t)count;
	out->is_followed = route->query[FLAG_FOLLOW][0] != '\0';
	return 0;
}

int read_log(struct reader *r, const struct route *route, struct log_request *out,
	     struct answer *answer)
{
	const char *field = "";
	struct err err = { 0 };
	struct tenant t;

	*out = (struct log_request){ 0 };
	if (parse_log(route, out, &field, &err) == 0 &&
	    idn_to_ascii(route->operand, out->site, &err) == 0 &&
	    store_find(r->store, out->site, &t, &err) == 0 && live_ping(&r->live, &err) == 0) {
		out->number = t.number;
		return 0;
	}
	envelope_failed(answer, route->row->word, &err, field);
	return -1;
}

bool read_is_slow(const struct route *route)
{
	return route->row->id == COMMAND_DOCTOR || route->row->id == COMMAND_VERIFY;
}

void read_run(struct reader *r, const struct route *route, struct answer *out)
{
	struct err err = { 0 };
	json_t *data = data_of(r, route, &err);

	if (data) {
		envelope_done(out, route->row->word, "done", "", data);
		return;
	}
	if (err.code == 0)
		(void)err_set(&err, ERR_SYSTEM, "no memory for the reply");
	envelope_failed(out, route->row->word, &err, route_field(route));
}
