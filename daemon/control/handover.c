/* SPDX-License-Identifier: Apache-2.0 */
/* A thread for each handover: the HTTP thread waits for no client. */
#include "daemon/control/handover.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"

#define WAIT_MS 10000		/* for the client's byte */
#define TICK_MS 100

struct handover {
	int fds[ANSWER_FDS_MAX];
	size_t count;
	MHD_socket sock;
	struct MHD_UpgradeResponseHandle *handle;
	bool has_byte;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;
static unsigned running;
static bool is_stopping;

static void count_running(int by)
{
	(void)pthread_mutex_lock(&lock);
	running += (unsigned)by;
	(void)pthread_cond_broadcast(&fewer);
	(void)pthread_mutex_unlock(&lock);
}

static bool must_stop(void)
{
	(void)pthread_mutex_lock(&lock);
	bool stop = is_stopping;
	(void)pthread_mutex_unlock(&lock);
	return stop;
}

static void free_handover(struct handover *h)
{
	for (size_t i = 0; i < h->count; i++)
		fd_close(&h->fds[i]);
	free(h);
}

static bool wait_for_byte(struct handover *h)
{
	int64_t until = loop_now_ms() + WAIT_MS;
	char byte = 0;

	while (!h->has_byte && !must_stop() && loop_now_ms() < until) {
		struct pollfd p = { .fd = h->sock, .events = POLLIN };

		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		ssize_t n = recv(h->sock, &byte, 1, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		h->has_byte = n == 1;
	}
	return h->has_byte;
}

static void *run(void *arg)
{
	struct handover *h = arg;

	/* A client that is not there any more has the command killed: our copies of
	 * the descriptors were the last. */
	if (wait_for_byte(h))
		(void)fd_send(h->sock, "", 1, h->fds, h->count);
	(void)MHD_upgrade_action(h->handle, MHD_UPGRADE_ACTION_CLOSE);
	free_handover(h);
	count_running(-1);
	return NULL;
}

/* ANSWER is part of the request, which lives until the connection has ended. */
static void on_upgrade(void *ctx, struct MHD_Connection *connection, void *request,
		       const char *extra, size_t extra_size, MHD_socket sock,
		       struct MHD_UpgradeResponseHandle *handle)
{
	struct answer *a = ctx;
	struct handover *h = calloc(1, sizeof(*h));
	pthread_t thread;

	(void)connection;
	(void)request;
	(void)extra;
	if (!h) {
		(void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	for (; h->count < a->fd_count; h->count++)
		h->fds[h->count] = fd_take(&a->fds[h->count]);
	a->fd_count = 0;
	h->sock = sock;
	h->handle = handle;
	h->has_byte = extra_size > 0;
	count_running(1);
	if (pthread_create(&thread, NULL, run, h) == 0) {
		(void)pthread_detach(thread);
		return;
	}
	(void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
	free_handover(h);
	count_running(-1);
}

int handover_is_asked(struct MHD_Connection *connection)
{
	const char *protocol = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							   MHD_HTTP_HEADER_UPGRADE);

	return protocol && strcasecmp(protocol, HANDOVER_PROTOCOL) == 0;
}

enum MHD_Result handover_answer(struct MHD_Connection *connection, struct answer *a)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, a);

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, HANDOVER_PROTOCOL);
	enum MHD_Result rc = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);

	MHD_destroy_response(response);
	return rc;
}

void handovers_stop(void)
{
	(void)pthread_mutex_lock(&lock);
	is_stopping = true;
	while (running > 0)
		(void)pthread_cond_wait(&fewer, &lock);
	(void)pthread_mutex_unlock(&lock);
}
