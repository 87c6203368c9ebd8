/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to and from the supervisor. */
#include "daemon/control/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/str.h"
#include "schema/errors.h"

void link_init(struct link *l, int quick_ms, int build_ms)
{
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->quick_ms = quick_ms;
	l->build_ms = build_ms;
}

void link_close(struct link *l)
{
	fd_close(&l->fd);
}

bool link_is_open(const struct link *l)
{
	return l->fd >= 0;
}

const void *link_payload(const struct link *l)
{
	return l->frame + sizeof(l->head);
}

/* Ends the connection: after a doubt about one frame, none can be trusted. */
static int lost(struct link *l, struct err *err, const char *what, const char *detail)
{
	link_close(l);
	return err_set(err, ERR_NO_DAEMON, "the supervisor %s%s%s; see the log of tenantd", what,
		       *detail ? ": " : "", detail);
}

static int send_request(struct link *l, const struct wire_head *h, const void *payload,
			struct err *err)
{
	memcpy(l->frame, h, sizeof(*h));
	if (h->size > 0)
		memcpy(l->frame + sizeof(*h), payload, h->size);
	if (fd_send(l->fd, l->frame, sizeof(*h) + h->size, NULL, 0) < 0)
		return lost(l, err, "did not take the request", strerror(errno));
	return 0;
}

static void drop_fds(struct link *l)
{
	while (l->fd_count > 0)
		fd_close(&l->fds[--l->fd_count]);
}

/* Its helpers may take minutes, but it greets at any time.  False only if a
 * greeting, too, went unanswered: any other failure says nothing of that. */
static bool is_alive(const struct link *l)
{
	struct link *second = malloc(sizeof(*second));
	struct err err = { 0 };

	if (!second)
		return true;
	link_init(second, l->quick_ms, 0);
	(void)link_open(second, l->run_dir, &err);
	bool is_late = second->is_late;

	link_close(second);
	free(second);
	return !is_late;
}

/* One frame into l->frame, l->head and l->size. */
static int receive(struct link *l, int64_t until, struct err *err)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	struct err why = { 0 };
	int64_t slice = 2 * (int64_t)l->quick_ms, left;
	int ready = 0;

	for (;;) {
		left = until - loop_now_ms();
		ready = poll(&p, 1, left < 0 ? 0 : (int)(left < slice ? left : slice));
		if (ready < 0 && errno != EINTR)
			return lost(l, err, "cannot be waited for", strerror(errno));
		if (ready > 0)
			break;
		l->is_late = ready == 0 && left <= slice;
		if (l->is_late)
			return lost(l, err, "did not answer in time", "");
		if (ready == 0 && !is_alive(l))
			return lost(l, err, "answers nobody",
				    "it is stopped or hangs; the change goes on when it runs");
	}
	drop_fds(l);
	l->fd_count = l->fds_wanted;
	ssize_t n = fd_receive(l->fd, l->frame, sizeof(l->frame), l->fds, &l->fd_count);

	if (n <= 0)
		l->fd_count = 0;

	if (n < 0)
		return lost(l, err, "broke the connection", strerror(errno));
	if (n == 0)
		return lost(l, err, "closed the connection", "");
	if (wire_check(l->frame, (size_t)n, &why) < 0)
		return lost(l, err, "sent nonsense", why.text);
	memcpy(&l->head, l->frame, sizeof(l->head));
	l->size = (size_t)n - sizeof(l->head);
	return 0;
}

static int take_step(struct link *l, link_step *each, void *ctx, struct err *err)
{
	struct wire_step step;

	if (l->size != sizeof(step))
		return lost(l, err, "sent nonsense", "a step of another size");
	memcpy(&step, link_payload(l), sizeof(step));
	if (!str_is_terminated(step.name, sizeof(step.name)) ||
	    !str_is_terminated(step.text, sizeof(step.text)))
		return lost(l, err, "sent nonsense", "a step whose name or text has no end");
	if (each)
		each(ctx, &step);
	return 0;
}

/* The other side's error becomes ours. */
static int take_error(struct link *l, struct err *err)
{
	const char *text = link_payload(l);

	if (l->size == 0 || l->size > ERR_TEXT_MAX || !str_is_terminated(text, l->size))
		return lost(l, err, "sent nonsense", "an error without text");
	return err_set(err, l->head.code, "%s", text);
}

int link_call(struct link *l, uint16_t verb, uint32_t number, const void *payload, size_t size,
	      link_step *each, void *ctx, struct err *err)
{
	struct wire_head h;
	int64_t until = loop_now_ms() + (wire_verb_is_build(verb) ? l->build_ms : l->quick_ms);

	if (!link_is_open(l))
		return err_set(err, ERR_NO_DAEMON, "the supervisor is not connected");
	wire_head_init(&h, verb, ++l->serial, number);
	h.size = (uint32_t)size;
	if (send_request(l, &h, payload, err) < 0)
		return -1;
	for (;;) {
		if (receive(l, until, err) < 0)
			return -1;
		if (l->head.serial != h.serial || l->head.verb != verb)
			return lost(l, err, "sent nonsense", "an answer to another request");
		if (l->head.flags & WIRE_STEP) {
			if (take_step(l, each, ctx, err) < 0)
				return -1;
			continue;
		}
		if (!(l->head.flags & WIRE_REPLY))
			return lost(l, err, "sent nonsense", "a frame that is no reply");
		return l->head.code == 0 ? 0 : take_error(l, err);
	}
}

int link_call_fds(struct link *l, uint16_t verb, uint32_t number, const void *payload, size_t size,
		  int *fds, size_t *count, struct err *err)
{
	size_t room = *count < LINK_FDS_MAX ? *count : LINK_FDS_MAX;

	l->fds_wanted = room;
	int rc = link_call(l, verb, number, payload, size, NULL, NULL, err);

	l->fds_wanted = 0;
	if (rc < 0) {
		drop_fds(l);
		return -1;
	}
	memcpy(fds, l->fds, l->fd_count * sizeof(fds[0]));
	*count = l->fd_count;
	l->fd_count = 0;		/* the caller's */
	return 0;
}

static int hello(struct link *l, struct err *err)
{
	if (link_call(l, WIRE_HELLO, 0, NULL, 0, NULL, NULL, err) < 0) {
		link_close(l);
		return -1;
	}
	return 0;
}

int link_open(struct link *l, const char *run_dir, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = l->quick_ms / 1000,
				.tv_usec = (l->quick_ms % 1000) * 1000 };

	link_close(l);
	if (str_format(address.sun_path, sizeof(address.sun_path), "%s/supervisor.sock",
		       run_dir) < 0)
		return err_set(err, ERR_BAD_CONFIG, "run_dir '%s' is too long for a socket",
			       run_dir);
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* The timeout holds for connect() too, where the backlog is full. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return err_sys(err, "socket for the supervisor");
	l->run_dir = run_dir;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		l->is_late = errno == EAGAIN;	/* the backlog stays full */
		return err_set(err, ERR_NO_DAEMON,
			       "connecting to the supervisor at '%s': %s; is tenantd running?",
			       address.sun_path, strerror(errno));
	}
	l->fd = fd_take(&fd);
	return hello(l, err);
}
