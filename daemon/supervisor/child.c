/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, timing and reaping helper programs. */
#include "daemon/supervisor/child.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "schema/errors.h"

static void on_ended(void *owner, uint32_t events)
{
	struct child *c = owner;
	struct spawn_end end;

	(void)events;
	spawn_reap(c->pidfd, &end);
	loop_watch_stop(&c->place->loop, &c->watch);
	loop_timer_stop(&c->place->loop, &c->deadline);
	fd_close(&c->pidfd);
	c->pid = 0;
	c->on_end(c->owner, &end);
}

static void on_late(void *owner)
{
	struct child *c = owner;

	c->is_late = true;
	child_signal(c, SIGKILL);
}

void child_init(struct child *c, struct place *p,
		void (*on_end)(void *owner, const struct spawn_end *end), void *owner)
{
	*c = (struct child){ .place = p, .pidfd = -1, .on_end = on_end, .owner = owner,
			     .watch = { .fd = -1, .on_event = on_ended, .owner = c },
			     .deadline = { .on_time = on_late, .owner = c } };
}

int child_start(struct child *c, const struct spawn *s, int64_t deadline_ms, struct err *err)
{
	if (c->pid != 0)
		return err_set(err, ERR_BUSY, "%s runs already", s->program);
	if (spawn(c->place, s, &c->pid, &c->pidfd, err) < 0)
		return -1;
	c->watch.fd = c->pidfd;
	c->is_late = false;
	if (loop_watch_set(&c->place->loop, &c->watch, EPOLLIN, err) < 0) {
		struct spawn_end end;

		/* Nobody would see its end: it must not go on. */
		child_signal(c, SIGKILL);
		spawn_reap(c->pidfd, &end);
		fd_close(&c->pidfd);
		c->pid = 0;
		return -1;
	}
	if (deadline_ms > 0)
		loop_timer_set(&c->place->loop, &c->deadline, deadline_ms);
	return 0;
}

int64_t child_wait(struct backoff *b, int64_t ran_ms)
{
	int64_t wait = backoff_next(b, ran_ms);

	return wait < CHILD_WAIT_MAX_MS ? wait : CHILD_WAIT_MAX_MS;
}

void child_signal(struct child *c, int sig)
{
	if (c->pid != 0)
		/* ESRCH: it ended. */
		(void)syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0);
}
