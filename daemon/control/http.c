/* SPDX-License-Identifier: Apache-2.0 */
/* The server: its one thread, its connections, and its end. */
#include "daemon/control/http.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/control/callers.h"
#include "daemon/control/handover.h"
#include "daemon/control/http_inside.h"
#include "schema/errors.h"

#define LAST_WORDS_S 2		/* time for a slow reader of the last replies */

int http_connection_fd(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

uint32_t http_peer_uid(struct MHD_Connection *connection)
{
	struct ucred peer = { .uid = UINT32_MAX };
	socklen_t size = sizeof(peer);

	if (getsockopt(http_connection_fd(connection), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return UINT32_MAX;	/* "nobody known"; the socket's mode has let it in */
	return peer.uid;
}

void http_count_pending(struct http *h, int by)
{
	(void)pthread_mutex_lock(&h->lock);
	h->pending += (unsigned)by;
	(void)pthread_cond_signal(&h->fewer);
	(void)pthread_mutex_unlock(&h->lock);
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **state)
{
	struct http *h = ctx;
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->connection = connection;
		*state = r;
		return request_begin(r);
	}
	if (*data_size > 0) {
		if (*data_size > r->room - r->size)
			return MHD_NO;	/* more than it said */
		memcpy(r->body + r->size, data, *data_size);
		r->size += *data_size;
		*data_size = 0;
		return MHD_YES;
	}
	if (r->is_answered)
		return reply_send(h, r);
	callers_serve(h->callers, caller_of(connection));
	return request_serve(h, r, method, path);
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **state,
		   enum MHD_RequestTerminationCode code)
{
	struct http *h = ctx;
	struct request *r = *state;

	(void)code;
	if (r)
		h->held -= r->held;
	callers_wait(h->callers, caller_of(connection));	/* for the next one */
	if (r && r->is_handed_over)
		http_count_pending(h, -1);
	request_free(r);
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
	*state = callers_add(h->callers, http_connection_fd(connection), http_peer_uid(connection));
	if (!*state)
		turn_away(http_connection_fd(connection));
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
		(void)err_sys(err, "memory for the HTTP server");	/* before errno changes */
		(void)close(listener);
		return -1;
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
