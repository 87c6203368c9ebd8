/* SPDX-License-Identifier: Apache-2.0 */
/* Running a helper and collecting its frames. */
#include "daemon/supervisor/helper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"

/* No change has so many; more are a fault of the helper.  Fewer than a slow peer
 * may leave unread (WAITING_MAX of peer.c): no helper's flood costs him his connection. */
#define STEPS_MAX 48

static int take_step(struct helper *h, const unsigned char *payload, size_t size,
		     struct err *err)
{
	struct wire_step step;

	if (size != sizeof(step) || h->steps >= STEPS_MAX || h->has_reply)
		return err_set(err, ERR_BAD_RECORD, "a step that is not expected");
	memcpy(&step, payload, sizeof(step));
	if (!str_is_terminated(step.name, sizeof(step.name)) ||
	    !str_is_terminated(step.text, sizeof(step.text)))
		return err_set(err, ERR_BAD_RECORD, "a step whose name or text has no end");
	h->steps++;
	h->on_step(h->owner, &step);
	return 0;
}

static int take_reply(struct helper *h, const struct wire_head *head,
		      const unsigned char *payload, struct err *err)
{
	if (h->has_reply)
		return err_set(err, ERR_BAD_RECORD, "a second reply");
	if (head->code != 0 && (head->size == 0 || head->size > ERR_TEXT_MAX ||
				!str_is_terminated((const char *)payload, head->size)))
		return err_set(err, ERR_BAD_RECORD, "an error without a text");
	h->head = *head;
	memcpy(h->payload, payload, head->size);
	h->has_reply = true;
	return 0;
}

static int take_frame(struct helper *h, const unsigned char *frame, size_t size,
		      struct err *err)
{
	const unsigned char *payload = frame + sizeof(struct wire_head);
	struct wire_head head;

	if (wire_check(frame, size, err) < 0)
		return -1;
	memcpy(&head, frame, sizeof(head));
	if (head.flags & WIRE_STEP)
		return take_step(h, payload, head.size, err);
	if (head.flags & WIRE_REPLY)
		return take_reply(h, &head, payload, err);
	return err_set(err, ERR_BAD_RECORD, "a frame that is no step and no reply");
}

static void stop_listening(struct helper *h)
{
	loop_watch_stop(&h->child.place->loop, &h->watch);
	fd_close(&h->sock);
}

static void hear(struct helper *h)
{
	static unsigned char frame[WIRE_FRAME_MAX + 1];	/* a longer one is seen to be */

	while (h->sock >= 0) {
		size_t no_fds = 0;
		ssize_t n = fd_receive(h->sock, frame, sizeof(frame), NULL, &no_fds);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n == 0) {
			stop_listening(h);
		} else if (n < 0) {
			(void)err_sys(&h->err, "hear %s", h->program);
		} else if (take_frame(h, frame, (size_t)n, &h->err) < 0) {
			(void)err_wrap(&h->err, "%s sent", h->program);
		}
		if (h->err.code != 0) {
			stop_listening(h);
			child_signal(&h->child, SIGKILL);
		}
	}
}

static void on_frames(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct helper *h = owner;
	char how[SPAWN_END_TEXT];

	hear(h);		/* its last words */
	stop_listening(h);
	spawn_end_text(end, how);
	bool is_good = end->is_known && !end->is_signal && end->status == 0;

	if (h->err.code != 0)
		;		/* what was wrong with its frames says most */
	else if (h->child.is_late)
		(void)err_set(&h->err, ERR_FAILED, "%s was not done after %lld s and was killed; "
			      "try again, and look at the log of tenantd", h->program,
			      (long long)h->limit_ms / 1000);
	else if (!h->has_reply || (!is_good && h->head.code == 0))
		(void)err_set(&h->err, ERR_INTERRUPTED, "%s %s without a reply; look at the log of "
			      "tenantd, then try again", h->program, how);
	else if (h->head.code != 0)
		(void)err_set(&h->err, h->head.code, "%s", (const char *)h->payload);
	h->on_done(h->owner);
}

void helper_init(struct helper *h, struct place *p,
		 void (*on_step)(void *owner, const struct wire_step *step),
		 void (*on_done)(void *owner), void *owner)
{
	*h = (struct helper){ .sock = -1, .on_step = on_step, .on_done = on_done,
			      .owner = owner,
			      .watch = { .fd = -1, .on_event = on_frames, .owner = h } };
	child_init(&h->child, p, on_end, h);
}

int helper_start(struct helper *h, const char *program, const char *argument, const int *fds,
		 size_t count, int64_t limit_ms, struct err *err)
{
	CLOSE_AT_EXIT int ours = -1;
	CLOSE_AT_EXIT int theirs = -1;
	int all[HELPER_FDS_MAX + 1];
	struct spawn s = { .program = program, .arguments = { argument }, .fds = all,
			   .fd_count = count + 1, .output = -1, .cgroup = -1, .is_tied = true };

	if (spawn_channel(&ours, &theirs, err) < 0)
		return -1;
	memcpy(all, fds, count * sizeof(all[0]));
	all[count] = theirs;
	h->program = program;
	h->limit_ms = limit_ms;
	h->steps = 0;
	h->has_reply = false;
	h->err = (struct err){ 0 };
	h->watch.fd = ours;
	if (loop_watch_set(&h->child.place->loop, &h->watch, EPOLLIN, err) < 0)
		return -1;
	h->sock = fd_take(&ours);
	if (child_start(&h->child, &s, limit_ms, err) < 0) {
		stop_listening(h);
		return -1;
	}
	return 0;
}
