/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what is asked, and handing it to the thread that answers. */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "daemon/control/handover.h"
#include "daemon/control/http_inside.h"
#include "schema/errors.h"
#include "tenants/idn.h"

void request_free(struct request *r)
{
	if (!r)
		return;
	free(r->body);
	free(r->answer.body);
	for (size_t i = 0; i < r->answer.fd_count; i++)
		fd_close(&r->answer.fds[i]);
	free(r);
}

enum MHD_Result request_begin(struct request *r)
{
	const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct err err = { 0 };
	uint64_t size = 0;

	if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
					MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
		(void)err_set(&err, ERR_USAGE, "a body must say its length (Content-Length)");
		return reply_refuse(r, "", &err, "");
	}
	const union MHD_ConnectionInfo *head =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (head && head->header_size > HTTP_HEADERS_MAX) {
		(void)err_set(&err, ERR_TOO_LARGE, "the headers have more than %d bytes",
			      HTTP_HEADERS_MAX);
		return reply_refuse(r, "", &err, "headers");
	}
	if (length && (str_number(length, UINT64_MAX, &size) < 0 || size > BODY_MAX)) {
		(void)err_set(&err, ERR_TOO_LARGE, "the body has more than %d bytes", BODY_MAX);
		return reply_refuse(r, "", &err, "");
	}
	r->room = (size_t)size;
	r->body = malloc(r->room + 1);
	return r->body ? MHD_YES : MHD_NO;
}

/* Runs in another thread. */
static void wake(struct request *r, const struct answer *answer)
{
	r->answer = *answer;
	r->is_answered = true;
	MHD_resume_connection(r->connection);	/* publishes what was written before */
}

static void wake_changed(struct changer_job *job)
{
	wake(job->owner, &job->answer);
}

static void wake_read(struct reader_job *job)
{
	wake(job->owner, &job->answer);
}

/* The connection sleeps from here until the answer wakes it: first to sleep, as
 * the other thread may be done before its submit returns. */
static void hand_over(struct http *h, struct request *r)
{
	r->is_handed_over = true;
	http_count_pending(h, 1);
	MHD_suspend_connection(r->connection);
}

/* What the path names, in the form in which it is stored. */
static int take_operand(const struct route *route, struct change *c, struct err *err)
{
	if (!route->operand[0])
		return 0;
	if (route->row->operand != OPERAND_PLAN)
		return idn_to_ascii(route->operand, c->site, err);
	if (plan_check_name(route->operand, err) < 0)
		return -1;
	return str_copy(c->name, sizeof(c->name), route->operand);
}

static enum MHD_Result change(struct http *h, struct request *r, const struct route *route)
{
	struct change *c = &r->change.change;
	char field[FIELD_MAX] = "";
	struct err err = { 0 };

	c->command = route->row->id;
	c->uid = http_peer_uid(r->connection);
	c->is_dry_run = route->query[FLAG_DRY_RUN][0] != '\0';
	c->is_untried = route->query[FLAG_UNTRIED][0] != '\0';
	if (route->query[FLAG_IF_REVISION][0] &&
	    (str_number(route->query[FLAG_IF_REVISION], INT64_MAX, &c->if_revision) < 0 ||
	     c->if_revision == 0)) {	/* 0 is how `struct change` says: any */
		(void)err_set(&err, ERR_USAGE, "'%.40s' is no revision",
			      route->query[FLAG_IF_REVISION]);
		return reply_refuse(r, route->row->word, &err, flag_rows[FLAG_IF_REVISION].field);
	}
	if (take_operand(route, c, &err) < 0)
		return reply_refuse(r, route->row->word, &err, route_field(route));
	if (c->command == COMMAND_EXEC && !handover_is_asked(r->connection)) {
		(void)err_set(&err, ERR_USAGE, "the request's head needs `Connection: Upgrade` and "
			      "`Upgrade: " HANDOVER_PROTOCOL "`");
		return reply_refuse(r, route->row->word, &err, "");
	}
	if (body_parse(r->body, r->size, c, field, &err) < 0)
		return reply_refuse(r, route->row->word, &err, field);
	r->change.owner = r;
	r->change.done = wake_changed;
	hand_over(h, r);
	if (changer_submit(h->changer, &r->change, &err) < 0) {
		envelope_failed(&r->change.answer, route->row->word, &err, "");
		wake_changed(&r->change);
	}
	return MHD_YES;
}

static enum MHD_Result ask(struct http *h, struct request *r, const struct route *route)
{
	struct err err = { 0 };

	r->question.route = *route;
	r->question.owner = r;
	r->question.done = wake_read;
	hand_over(h, r);
	if (readers_submit(h->readers, &r->question, &err) < 0) {
		envelope_failed(&r->question.answer, route->row->word, &err, "");
		wake_read(&r->question);
	}
	return MHD_YES;
}

/* The fields behind the '?' of the path, as they come. */
struct query {
	struct route *route;
	char field[FIELD_MAX];	/* that is wrong */
	struct err *err;
};

static enum MHD_Result take_query(void *ctx, enum MHD_ValueKind kind, const char *field,
				  const char *value)
{
	struct query *q = ctx;

	(void)kind;
	if (route_query(q->route, field, value, q->err) == 0)
		return MHD_YES;
	(void)str_format(q->field, sizeof(q->field), "%.64s", field);
	return MHD_NO;
}

enum MHD_Result request_serve(struct http *h, struct request *r, const char *method,
			      const char *path)
{
	struct err err = { 0 };
	struct route route;
	struct query query = { .route = &route, .err = &err };

	if (route_find(method, path, &route, r->allow, &err) < 0)
		return reply_refuse(r, "", &err, err.code == ERR_BAD_NAME ? "site" : "");
	(void)MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, take_query, &query);
	if (err.code)
		return reply_refuse(r, route.row->word, &err, query.field);
	if (route.row->changes)
		return change(h, r, &route);
	if (r->size > 0) {
		(void)err_set(&err, ERR_USAGE, "'%s' takes no body", route.row->word);
		return reply_refuse(r, route.row->word, &err, "");
	}
	return ask(h, r, &route);
}
