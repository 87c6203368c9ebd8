/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting peers, reading their frames, sending them ours. */
#include "daemon/supervisor/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/peer_verbs.h"
#include "schema/errors.h"
#include "schema/events.h"

#define NAME "supervisor.sock"
#define ACCEPT_PAUSE_MS 1000
#define WAITING_MAX 64		/* frames that a slow peer may leave unread */

struct peer_frame {
	struct peer_frame *next;
	int fds[PEER_FDS_MAX];		/* that go with it */
	size_t fd_count;
	size_t size;
	unsigned char data[];
};

static void free_frame(struct peer_frame *f)
{
	for (size_t i = 0; i < f->fd_count; i++)
		fd_close(&f->fds[i]);
	free(f);
}

static void drop(struct peer *c, const char *why)
{
	if (why)
		log_event(PEER_REFUSED, "socket=" NAME " error='%s'", why);
	loop_watch_stop(&c->peers->place->loop, &c->watch);
	fd_close(&c->fd);
	while (c->first) {
		struct peer_frame *f = c->first;

		c->first = f->next;
		free_frame(f);
	}
	c->last = NULL;
	c->waiting = 0;
	c->id = 0;
}

static void watch(struct peer *c)
{
	struct err err = { 0 };

	if (loop_watch_set(&c->peers->place->loop, &c->watch,
			   EPOLLIN | (c->first ? EPOLLOUT : 0), &err) < 0)
		drop(c, err.text);
}

/* Sends what waits, as far as the peer takes it. */
static void flush(struct peer *c)
{
	while (c->first) {
		struct peer_frame *f = c->first;

		if (fd_send(c->fd, f->data, f->size, f->fds, f->fd_count) < 0) {
			if (errno != EAGAIN)
				drop(c, strerror(errno));
			return;
		}
		c->first = f->next;
		if (!c->first)
			c->last = NULL;
		c->waiting--;
		free_frame(f);
	}
}

static void send_frame(struct peers *ps, uint64_t id, const struct wire_head *head,
		       const void *payload, size_t size, int *fds, size_t count)
{
	struct wire_head whole = *head;
	struct peer *c = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ps->slot); i++)
		if (id != 0 && ps->slot[i].id == id)
			c = &ps->slot[i];
	if (!c)
		return;
	struct peer_frame *f = c->waiting < WAITING_MAX || mutant_is_off("peer-bound") ?
			       malloc(sizeof(*f) + sizeof(whole) + size) : NULL;

	if (!f) {
		drop(c, "the peer does not read what it is sent");
		return;
	}
	whole.size = (uint32_t)size;
	f->next = NULL;
	f->fd_count = count;
	for (size_t i = 0; i < count; i++)
		f->fds[i] = fd_take(&fds[i]);
	f->size = sizeof(whole) + size;
	memcpy(f->data, &whole, sizeof(whole));
	if (size > 0)
		memcpy(f->data + sizeof(whole), payload, size);
	if (c->last)
		c->last->next = f;
	else
		c->first = f;
	c->last = f;
	c->waiting++;
	flush(c);
	if (c->id == id)
		watch(c);
}

void peers_send(struct peers *ps, uint64_t id, const struct wire_head *head,
		const void *payload, size_t size)
{
	send_frame(ps, id, head, payload, size, NULL, 0);
}

void peers_reply_fds(struct peers *ps, uint64_t id, const struct wire_head *request,
		     const struct err *err, const void *payload, size_t size, int *fds,
		     size_t count)
{
	struct wire_head head;

	wire_head_init(&head, request->verb, request->serial, request->number);
	head.flags = WIRE_REPLY;
	head.code = err->code;
	if (err->code != 0)
		peers_send(ps, id, &head, err->text, strlen(err->text) + 1);
	else
		send_frame(ps, id, &head, payload, size, fds, count);
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);	/* those that were not sent */
}

void peers_reply(struct peers *ps, uint64_t id, const struct wire_head *request,
		 const struct err *err, const void *payload, size_t size)
{
	peers_reply_fds(ps, id, request, err, payload, size, NULL, 0);
}

static void on_frame(void *owner, uint32_t events)
{
	static unsigned char frame[WIRE_FRAME_MAX + 1];	/* a longer one is seen to be */
	struct peer *c = owner;
	struct err err = { 0 };
	uint64_t id = c->id;
	size_t no_fds = 0;

	if (events & EPOLLOUT)
		flush(c);
	if (c->id != id)
		return;		/* dropped */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = fd_receive(c->fd, frame, sizeof(frame), NULL, &no_fds);

		if (n == 0) {
			drop(c, NULL);
			return;
		}
		if (n < 0 && errno != EAGAIN) {
			drop(c, strerror(errno));
			return;
		}
		if (n > 0 && (wire_check(frame, (size_t)n, &err) < 0 ||
			      peer_verb(c, frame, (size_t)n, &err) < 0)) {
			drop(c, err.text);
			return;
		}
	}
	if (c->id == id)
		watch(c);
}

static int check_uid(const struct peers *ps, int fd, struct err *err)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return err_sys(err, "ask who the peer is");
	if (who.uid != 0 && who.uid != (uid_t)ps->place->settings.control_uid &&
	    !mutant_is_off("peer-uid"))
		return err_set(err, ERR_DENIED, "user %u may not talk to the supervisor", who.uid);
	return 0;
}

static void wait_for_peers(void *owner)
{
	struct peers *ps = owner;
	struct err err = { 0 };

	if (loop_watch_set(&ps->place->loop, &ps->watch, EPOLLIN | EPOLLONESHOT, &err) < 0)
		log_event(DAEMON_ERROR, "socket=" NAME " error='%s'", err.text);
}

static void on_connection(void *owner, uint32_t events)
{
	struct peers *ps = owner;
	struct err err = { 0 };
	CLOSE_AT_EXIT int fd = accept4(ps->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		/* Out of descriptors, or of memory: the loop must not spin. */
		if (errno != EAGAIN && errno != ECONNABORTED)
			loop_timer_set(&ps->place->loop, &ps->pause, ACCEPT_PAUSE_MS);
		else
			wait_for_peers(ps);
		return;
	}
	wait_for_peers(ps);
	if (check_uid(ps, fd, &err) < 0) {
		log_event(PEER_REFUSED, "socket=" NAME " error='%s'", err.text);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ps->slot); i++) {
		struct peer *c = &ps->slot[i];

		if (c->id != 0)
			continue;
		*c = (struct peer){ .peers = ps, .id = ++ps->last_id };
		c->fd = fd_take(&fd);
		c->watch = (struct loop_watch){ .fd = c->fd, .on_event = on_frame, .owner = c };
		watch(c);
		return;
	}
	log_event(PEER_REFUSED, "socket=" NAME " error='there are %d connections already'",
		  PEERS_MAX);
}

int peers_init(struct peers *ps, struct place *place, struct pools *pools, struct jobs *jobs,
	       struct verify *verify, struct execs *execs, struct err *err)
{
	*ps = (struct peers){ .place = place, .pools = pools, .jobs = jobs,
			      .verify = verify, .execs = execs };
	ps->listener = place_bind(place, place->run_dir, "", NAME, SOCK_SEQPACKET | SOCK_NONBLOCK,
				  PEERS_MAX, 0600, (uid_t)place->settings.control_uid, 0, err);
	if (ps->listener < 0)
		return -1;
	ps->watch = (struct loop_watch){ .fd = ps->listener, .on_event = on_connection,
					 .owner = ps };
	ps->pause = (struct loop_timer){ .on_time = wait_for_peers, .owner = ps };
	return loop_watch_set(&place->loop, &ps->watch, EPOLLIN | EPOLLONESHOT, err);
}
