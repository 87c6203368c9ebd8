/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections and the thread that watches their deadlines. */
#include "daemon/control/callers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "schema/errors.h"

struct caller {
	int fd;			/* -1: free */
	uint32_t uid;
	time_t until;		/* by CLOCK_MONOTONIC; 0: it is not waited for */
};

struct callers {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int deadline_s;
	bool is_ending;
	struct caller rows[CALLERS_MAX];
};

static time_t now(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Ends those whose time is over: the HTTP thread sees the end of the connection
 * and frees it.  Returns the next deadline, or 0. */
static time_t end_late_ones(struct callers *c)
{
	time_t next = 0;
	const time_t at = now();

	for (int i = 0; i < CALLERS_MAX; i++) {
		struct caller *one = &c->rows[i];

		if (one->fd < 0 || one->until == 0)
			continue;
		if (one->until <= at) {
			(void)shutdown(one->fd, SHUT_RDWR);
			one->until = 0;
		} else if (next == 0 || one->until < next) {
			next = one->until;
		}
	}
	return next;
}

static void *watch(void *arg)
{
	struct callers *c = arg;

	(void)pthread_mutex_lock(&c->lock);
	while (!c->is_ending) {
		struct timespec until = { .tv_sec = end_late_ones(c) };

		/* A later deadline than the one slept for needs no waking. */
		if (until.tv_sec == 0)
			(void)pthread_cond_wait(&c->changed, &c->lock);
		else
			(void)pthread_cond_timedwait(&c->changed, &c->lock, &until);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

int callers_start(int deadline_s, struct callers **out, struct err *err)
{
	struct callers *c = calloc(1, sizeof(*c));
	pthread_condattr_t clock;

	if (!c)
		return err_sys(err, "memory for the table of callers");
	c->deadline_s = deadline_s;
	for (int i = 0; i < CALLERS_MAX; i++)
		c->rows[i].fd = -1;
	/* None of these fails with these arguments. */
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->changed, &clock);
	(void)pthread_condattr_destroy(&clock);
	if (pthread_create(&c->thread, NULL, watch, c) != 0) {
		(void)pthread_cond_destroy(&c->changed);
		(void)pthread_mutex_destroy(&c->lock);
		free(c);
		return err_set(err, ERR_SYSTEM, "a thread for the deadlines of callers");
	}
	*out = c;
	return 0;
}

void callers_stop(struct callers *c)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->is_ending = true;
	(void)pthread_cond_signal(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

struct caller *callers_add(struct callers *c, int fd, uint32_t uid)
{
	struct caller *found = NULL;
	int count = 0;

	(void)pthread_mutex_lock(&c->lock);
	for (int i = 0; i < CALLERS_MAX; i++) {
		if (c->rows[i].fd < 0)
			found = &c->rows[i];
		else
			count += c->rows[i].uid == uid;
	}
	if (count >= CALLER_MAX)
		found = NULL;
	if (found) {
		*found = (struct caller){ .fd = fd, .uid = uid, .until = now() + c->deadline_s };
		(void)pthread_cond_signal(&c->changed);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return found;
}

void callers_remove(struct callers *c, struct caller *one)
{
	if (!one)
		return;
	(void)pthread_mutex_lock(&c->lock);
	one->fd = -1;
	(void)pthread_mutex_unlock(&c->lock);
}

void callers_wait(struct callers *c, struct caller *one)
{
	if (!one)
		return;
	(void)pthread_mutex_lock(&c->lock);
	one->until = now() + c->deadline_s;
	(void)pthread_cond_signal(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
}

void callers_serve(struct callers *c, struct caller *one)
{
	if (!one)
		return;
	(void)pthread_mutex_lock(&c->lock);
	one->until = 0;
	(void)pthread_mutex_unlock(&c->lock);
}
