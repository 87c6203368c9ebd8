/* SPDX-License-Identifier: Apache-2.0 */
/* The waiting loop.  Timers are few (only armed ones are listed), so a plain
 * list that is searched for the earliest does. */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

int loop_init(struct loop *l, struct err *err)
{
	*l = (struct loop){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	return l->epoll < 0 ? err_sys(err, "make an epoll descriptor") : 0;
}

void loop_done(struct loop *l)
{
	fd_close(&l->epoll);
}

int64_t loop_now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);	/* cannot fail */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int loop_watch_set(struct loop *l, struct loop_watch *w, uint32_t events, struct err *err)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epoll, w->is_added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) < 0)
		return err_sys(err, "watch descriptor %d", w->fd);
	w->is_added = true;
	return 0;
}

void loop_watch_stop(struct loop *l, struct loop_watch *w)
{
	if (!w->is_added)
		return;
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);	/* it was added */
	w->is_added = false;
	for (int i = 0; i < l->batch_count; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	if (!t->is_set)
		return;
	for (struct loop_timer **at = &l->timers; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	t->is_set = false;
	t->next = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t after_ms)
{
	loop_timer_stop(l, t);
	t->due_ms = loop_now_ms() + (after_ms < 1 ? 1 : after_ms);
	t->is_set = true;
	t->next = l->timers;
	l->timers = t;
}

static struct loop_timer *earliest(struct loop *l)
{
	struct loop_timer *first = l->timers;

	for (struct loop_timer *t = first; t; t = t->next)
		if (t->due_ms < first->due_ms)
			first = t;
	return first;
}

/* A callback that sets a timer sets it after NOW, so this ends. */
static void run_timers(struct loop *l)
{
	int64_t now = loop_now_ms();

	for (struct loop_timer *t = earliest(l); t && t->due_ms <= now; t = earliest(l)) {
		loop_timer_stop(l, t);
		t->on_time(t->owner);
	}
}

static int wait_ms(struct loop *l)
{
	const struct loop_timer *t = earliest(l);

	if (!t)
		return -1;
	int64_t left = t->due_ms - loop_now_ms();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int loop_run_once(struct loop *l, struct err *err)
{
	int n = epoll_wait(l->epoll, l->batch, LOOP_BATCH, wait_ms(l));

	if (n < 0 && errno != EINTR)
		return err_sys(err, "wait for events");
	l->batch_count = n < 0 ? 0 : n;
	for (int i = 0; i < l->batch_count; i++) {
		struct loop_watch *w = l->batch[i].data.ptr;

		if (w)
			w->on_event(w->owner, l->batch[i].events);
	}
	l->batch_count = 0;
	run_timers(l);
	return 0;
}
