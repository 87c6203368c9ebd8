/* SPDX-License-Identifier: Apache-2.0 */
/* Queue and thread of the changes. */
#include "daemon/control/changer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/control/change.h"
#include "daemon/control/changer_inside.h"
#include "schema/errors.h"

int64_t changer_now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the queue ---- */

void changer_wake(struct changer *c)
{
	uint64_t one = 1;

	if (write(c->wake, &one, sizeof(one)) < 0)
		return;		/* the counter is full: the thread is awake already */
}

int changer_submit(struct changer *c, struct changer_job *job, struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&c->lock);
	if (c->is_stopping)
		rc = err_set(err, ERR_BUSY, "tenant-control is ending; ask again in a moment");
	else if (c->waiting == CHANGER_QUEUE)
		rc = err_set(err, ERR_BUSY, "%d changes wait already; ask again later",
			     CHANGER_QUEUE);
	else
		c->queue[(c->first + c->waiting++) % CHANGER_QUEUE] = job;
	(void)pthread_mutex_unlock(&c->lock);
	if (rc == 0)
		changer_wake(c);
	return rc;
}

static struct changer_job *take_first(struct changer *c)
{
	struct changer_job *job = c->queue[c->first];

	c->first = (c->first + 1) % CHANGER_QUEUE;
	c->waiting--;
	return job;
}

/* A hand that may begin this job now: changes of one site come one after the other. */
static struct hand *free_hand(struct changer *c, const struct changer_job *job)
{
	struct hand *found = NULL;

	for (size_t i = 0; i < CHANGER_HANDS; i++) {
		if (!c->hand[i].job)
			found = &c->hand[i];
		else if (strcmp(c->hand[i].job->change.site, job->change.site) == 0)
			return NULL;
	}
	return found;
}

/* Gives the first job that waits to a hand, if it is one for hands.  Else it is the caller's
 * as soon as no hand is busy; NULL: it, or there is none, has to wait. */
static struct changer_job *next_job(struct changer *c, bool *out_is_idle)
{
	struct changer_job *job = NULL;
	struct hand *h = NULL;

	(void)pthread_mutex_lock(&c->lock);
	while (c->waiting && change_is_of_one_site(&c->queue[c->first]->change) &&
	       (h = free_hand(c, c->queue[c->first]))) {
		h->job = take_first(c);
		c->busy++;
		(void)pthread_cond_broadcast(&c->given);
	}
	if (c->waiting && c->busy == 0)
		job = take_first(c);
	*out_is_idle = c->waiting == 0 && c->busy == 0;
	(void)pthread_mutex_unlock(&c->lock);
	return job;
}

static bool is_stopping(struct changer *c)
{
	(void)pthread_mutex_lock(&c->lock);
	bool stopping = c->is_stopping;
	(void)pthread_mutex_unlock(&c->lock);
	return stopping;
}

/* ---- the thread ---- */

/* Sleeps until a request comes or a hand is free. */
static void sleep_until_woken(struct changer *c)
{
	struct pollfd p = { .fd = c->wake, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&p, 1, -1) > 0 && read(c->wake, &count, sizeof(count)) < 0)
		return;		/* another wake-up of the same kind took it */
}

void changer_run_job(struct changer *c, struct work *w, struct settings *settings,
		     struct changer_job *job)
{
	bool was_left = c->work.is_left;

	settings_now_get(c->settings_now, settings);
	change_run(w, &job->change, &job->answer);
	/* What just failed gets a moment before the next try. */
	if (w->is_due)
		c->pass_at = changer_now_ms();
	else if (w->is_left && !was_left)
		c->pass_at = changer_now_ms() + c->pass_wait;
	w->is_due = false;
	c->work.is_left = c->work.is_left || w->is_left;
	changer_publish(c, false);	/* what the caller asks next is true by then */
}

static void *run(void *arg)
{
	struct changer *c = arg;

	while (!is_stopping(c)) {
		bool is_idle = false;
		struct changer_job *job = next_job(c, &is_idle);

		if (job) {
			changer_run_job(c, &c->work, &c->settings, job);
			job->done(job);
		} else if (!is_idle) {
			sleep_until_woken(c);
		} else if (!changer_do_due(c)) {
			changer_sleep_until_due(c);
		}
	}
	changer_end_hands(c);
	while (c->waiting) {	/* nothing is added any more */
		struct changer_job *job = take_first(c);
		struct err err = { 0 };

		(void)err_set(&err, ERR_BUSY, "tenant-control is ending; ask again in a moment");
		envelope_failed(&job->answer, command_rows[job->change.command].word, &err, "");
		job->done(job);
	}
	return NULL;
}

/* ---- start and end ---- */

static void free_changer(struct changer *c)
{
	link_close(&c->work.link);
	for (size_t i = 0; i < CHANGER_HANDS; i++)
		link_close(&c->hand[i].work.link);
	store_close(c->work.store);
	reconcile_free(&c->pass);
	free(c->strangers);
	fd_close(&c->wake);
	(void)pthread_cond_destroy(&c->given);
	(void)pthread_mutex_destroy(&c->lock);
	(void)pthread_mutex_destroy(&c->turn);
	free(c);
}

int changer_start(struct settings_now *settings, struct store *store, struct changer **out,
		  struct err *err)
{
	struct changer *c = calloc(1, sizeof(*c));

	if (!c) {
		(void)err_sys(err, "memory for the changes");	/* before errno changes */
		store_close(store);
		return -1;
	}
	c->settings_now = settings;
	settings_now_get(settings, &c->settings);
	c->work.settings = &c->settings;
	c->work.store = store;
	c->work.is_left = true;
	link_init(&c->work.link, CHANGER_QUICK_MS, CHANGER_BUILD_MS);
	c->connect_wait = CHANGER_RETRY_MIN_MS;
	c->pass_wait = CHANGER_PASS_MIN_MS;
	/* These cannot fail with defaults. */
	(void)pthread_mutex_init(&c->turn, NULL);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->given, NULL);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0) {
		(void)err_sys(err, "eventfd");
		free_changer(c);
		return -1;
	}
	int rc = changer_start_hands(c, err);

	if (rc == 0) {
		errno = pthread_create(&c->thread, NULL, run, c);
		rc = errno == 0 ? 0 : err_sys(err, "thread of the changes");
	}
	if (rc < 0) {
		changer_end_hands(c);
		free_changer(c);
		return -1;
	}
	*out = c;
	return 0;
}

void changer_stop(struct changer *c)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	(void)pthread_mutex_unlock(&c->lock);
	changer_wake(c);
	(void)pthread_join(c->thread, NULL);
	free_changer(c);
}

void changer_report(struct changer *c, struct changer_report *out, struct stranger *strangers,
		    uint32_t room)
{
	(void)pthread_mutex_lock(&c->lock);
	*out = c->report;
	out->waiting = c->waiting;
	if (c->strangers)
		memcpy(strangers, c->strangers,
		       (room < out->stranger_count ? room : out->stranger_count) *
			       sizeof(*strangers));
	(void)pthread_mutex_unlock(&c->lock);
}
