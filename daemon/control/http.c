/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in, answers out. */
#include "daemon/control/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "daemon/control/callers.h"
#include "daemon/control/handover.h"
#include "schema/errors.h"
#include "tenants/idn.h"

#define STREAM_CHUNK (16 * 1024)
#define LAST_WORDS_S 2		/* time for a slow reader of the last replies */

struct http {
	struct MHD_Daemon *daemon;
	struct callers *callers;
	size_t held;		/* bytes of replies that are not read yet; the HTTP thread's */
	struct changer *changer;
	struct readers *readers;
	const char *run_dir;
	MHD_socket quiesced;	/* the listener, once nobody may come any more */
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	unsigned pending;	/* under the lock: handed over and not replied to yet */
};

/* One request, from its headers to the end of its reply. */
struct request {
	struct MHD_Connection *connection;
	bool is_handed_over;		/* counts in http.pending */
	bool is_answered;		/* the answer is there */
	size_t held;			/* its share of http.held */
	char allow[64];			/* of a path that is known */
	char *body;
	size_t size, room;
	struct answer answer;
	struct changer_job change;
	struct reader_job question;
};

static void free_request(struct request *r)
{
	if (!r)
		return;
	free(r->body);
	free(r->answer.body);
	for (size_t i = 0; i < r->answer.fd_count; i++)
		fd_close(&r->answer.fds[i]);
	free(r);
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result send_answer(struct request *r)
{
	struct answer *a = &r->answer;

	if (a->fd_count > 0)
		return handover_answer(r->connection, a);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(a->body), a->body, MHD_RESPMEM_MUST_FREE);

	if (!response)
		return MHD_NO;
	a->body = NULL;		/* the response's now */
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (a->http_status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)a->http_status, response);

	MHD_destroy_response(response);
	return rc;
}

static void stream_sleep(void *arg)
{
	MHD_suspend_connection(arg);
}

static void stream_wake(void *arg)
{
	MHD_resume_connection(arg);
}

static ssize_t stream_take(void *arg, uint64_t position, char *out, size_t size)
{
	ssize_t n = log_stream_take(arg, out, size);

	(void)position;
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void stream_done(void *arg)
{
	log_stream_close(arg);
}

static int connection_fd(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* Callers that ask for long lists and do not read them must not fill the memory. */
static void hold_answer(struct http *h, struct request *r)
{
	size_t size = strlen(r->answer.body);
	struct err err = { 0 };

	if (r->question.owner && h->held + size > HTTP_REPLIES_MAX) {
		free(r->answer.body);
		(void)err_set(&err, ERR_BUSY, "too many replies wait to be read");
		envelope_failed(&r->answer, r->question.route.row->word, &err, "");
		return;
	}
	r->held = size;
	h->held += size;
}

static enum MHD_Result refuse(struct request *r, const char *word, const struct err *err,
			      const char *field)
{
	envelope_failed(&r->answer, word, err, field);
	return send_answer(r);
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

/* The first call of a request: headers only.  A body that is too long is
 * refused here, before a byte of it is read. */
static enum MHD_Result begin(struct request *r)
{
	const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct err err = { 0 };
	uint64_t size = 0;

	if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
					MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
		(void)err_set(&err, ERR_USAGE, "a body must say its length (Content-Length)");
		return refuse(r, "", &err, "");
	}
	const union MHD_ConnectionInfo *head =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (head && head->header_size > HTTP_HEADERS_MAX) {
		(void)err_set(&err, ERR_TOO_LARGE, "the headers have more than %d bytes",
			      HTTP_HEADERS_MAX);
		return refuse(r, "", &err, "headers");
	}
	if (length && (str_number(length, UINT64_MAX, &size) < 0 || size > BODY_MAX)) {
		(void)err_set(&err, ERR_TOO_LARGE, "the body has more than %d bytes", BODY_MAX);
		return refuse(r, "", &err, "");
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

/* The answer is a log: chunks as they come. */
static enum MHD_Result send_log(struct http *h, struct request *r)
{
	struct log_stream_owner owner = { stream_sleep, stream_wake, r->connection };
	struct log_stream *stream = NULL;
	struct err err = { 0 };

	if (log_stream_start(h->run_dir, &r->question.log, connection_fd(r->connection), &owner,
			     &stream, &err) < 0)
		return refuse(r, r->question.route.row->word, &err, "");
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_CHUNK, stream_take, stream, stream_done);

	if (!response) {
		log_stream_close(stream);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result rc = MHD_queue_response(r->connection, MHD_HTTP_OK, response);

	MHD_destroy_response(response);
	return rc;
}

static uint32_t peer_uid(struct MHD_Connection *connection)
{
	struct ucred peer = { .uid = UINT32_MAX };
	socklen_t size = sizeof(peer);

	if (getsockopt(connection_fd(connection), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return UINT32_MAX;	/* "nobody known"; the socket's mode has let it in */
	return peer.uid;
}

static void count_pending(struct http *h, int by)
{
	(void)pthread_mutex_lock(&h->lock);
	h->pending += (unsigned)by;
	(void)pthread_cond_signal(&h->fewer);
	(void)pthread_mutex_unlock(&h->lock);
}

/* The connection sleeps from here until the answer wakes it: first to sleep, as
 * the other thread may be done before its submit returns. */
static void hand_over(struct http *h, struct request *r)
{
	r->is_handed_over = true;
	count_pending(h, 1);
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
	c->uid = peer_uid(r->connection);
	c->is_dry_run = route->query[FLAG_DRY_RUN][0] != '\0';
	if (route->query[FLAG_IF_REVISION][0] &&
	    (str_number(route->query[FLAG_IF_REVISION], INT64_MAX, &c->if_revision) < 0 ||
	     c->if_revision == 0)) {	/* 0 is how `struct change` says: any */
		(void)err_set(&err, ERR_USAGE, "'%.40s' is no revision",
			      route->query[FLAG_IF_REVISION]);
		return refuse(r, route->row->word, &err, flag_rows[FLAG_IF_REVISION].field);
	}
	if (take_operand(route, c, &err) < 0)
		return refuse(r, route->row->word, &err, route_field(route));
	if (c->command == COMMAND_EXEC && !handover_is_asked(r->connection)) {
		(void)err_set(&err, ERR_USAGE, "the request's head needs `Connection: Upgrade` and "
			      "`Upgrade: " HANDOVER_PROTOCOL "`");
		return refuse(r, route->row->word, &err, "");
	}
	if (body_parse(r->body, r->size, c, field, &err) < 0)
		return refuse(r, route->row->word, &err, field);
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

static enum MHD_Result serve(struct http *h, struct request *r, const char *method,
			     const char *path)
{
	callers_serve(h->callers, caller_of(r->connection));
	struct err err = { 0 };
	struct route route;
	struct query query = { .route = &route, .err = &err };

	if (route_find(method, path, &route, r->allow, &err) < 0)
		return refuse(r, "", &err, err.code == ERR_BAD_NAME ? "site" : "");
	(void)MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, take_query, &query);
	if (err.code)
		return refuse(r, route.row->word, &err, query.field);
	if (route.row->changes)
		return change(h, r, &route);
	if (r->size > 0) {
		(void)err_set(&err, ERR_USAGE, "'%s' takes no body", route.row->word);
		return refuse(r, route.row->word, &err, "");
	}
	return ask(h, r, &route);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **state)
{
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->connection = connection;
		*state = r;
		return begin(r);
	}
	if (*data_size > 0) {
		if (*data_size > r->room - r->size)
			return MHD_NO;	/* more than it said */
		memcpy(r->body + r->size, data, *data_size);
		r->size += *data_size;
		*data_size = 0;
		return MHD_YES;
	}
	if (!r->is_answered)
		return serve(ctx, r, method, path);
	if (r->question.is_log)
		return send_log(ctx, r);
	hold_answer(ctx, r);
	return send_answer(r);
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **state,
		   enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	(void)code;
	struct http *h = ctx;

	if (r)
		h->held -= r->held;
	callers_wait(h->callers, caller_of(connection));	/* for the next one */
	if (r && r->is_handed_over)
		count_pending(ctx, -1);
	free_request(r);
	*state = NULL;
}

/* One connection too many of this caller: it is told so before it has asked. */
static void turn_away(int fd)
{
	struct answer a = { 0 };
	struct err err = { 0 };
	char head[160];

	(void)err_set(&err, ERR_BUSY, "the caller has %d connections already", CALLER_MAX);
	envelope_failed(&a, "", &err, "");
	if (str_format(head, sizeof(head), "HTTP/1.1 %d Busy\r\nContent-Type: application/json\r\n"
		       "Content-Length: %zu\r\nConnection: close\r\n\r\n", a.http_status,
		       strlen(a.body)) == 0 &&
	    send(fd, head, strlen(head), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		(void)send(fd, a.body, strlen(a.body), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(a.body);
	(void)shutdown(fd, SHUT_RDWR);		/* the library sees the end and closes it */
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *h = ctx;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		callers_remove(h->callers, *state);
		return;
	}
	*state = callers_add(h->callers, connection_fd(connection), peer_uid(connection));
	if (!*state)
		turn_away(connection_fd(connection));
}

/* Paths stay as they came: "%2F" in a site's name must not become a slash
 * before the path is cut. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* None of these fails with these arguments. */
static void init_count(struct http *h)
{
	pthread_condattr_t clock;

	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&h->fewer, &clock);
	(void)pthread_condattr_destroy(&clock);
}

int http_start(int listener, struct changer *changer, struct readers *readers, const char *run_dir,
	       struct http **out, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		(void)close(listener);
		return err_sys(err, "memory for the HTTP server");
	}
	h->changer = changer;
	h->readers = readers;
	h->run_dir = run_dir;
	h->quiesced = MHD_INVALID_SOCKET;
	if (callers_start(CALLER_REQUEST_S, &h->callers, err) < 0) {
		(void)close(listener);
		free(h);
		return -1;
	}
	init_count(h);
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			MHD_ALLOW_UPGRADE, 0, NULL,
		NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CALLERS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_POOL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, h, MHD_OPTION_END);
	if (!h->daemon) {
		callers_stop(h->callers);
		free(h);	/* the library may have closed the socket: left to exit */
		return err_set(err, ERR_FAILED, "the HTTP server did not start on its socket");
	}
	*out = h;
	return 0;
}

void http_quiesce(struct http *h)
{
	if (h)
		h->quiesced = MHD_quiesce_daemon(h->daemon);
}

void http_stop(struct http *h)
{
	struct timespec until = { 0 };

	if (!h)
		return;
	log_streams_stop();
	handovers_stop();
	/* The answers of the last changes still have to go out. */
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LAST_WORDS_S;
	(void)pthread_mutex_lock(&h->lock);
	while (h->pending > 0 && pthread_cond_timedwait(&h->fewer, &h->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&h->lock);
	MHD_stop_daemon(h->daemon);
	callers_stop(h->callers);
	/* Not before: the thread may have been about to wait for it. */
	if (h->quiesced != MHD_INVALID_SOCKET)
		(void)close(h->quiesced);
	(void)pthread_cond_destroy(&h->fewer);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}
