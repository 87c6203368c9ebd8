/* SPDX-License-Identifier: Apache-2.0 */
/* Queue and thread of the changes. */
#include "daemon/control/changer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "daemon/control/change.h"
#include "daemon/control/changer_inside.h"
#include "schema/errors.h"

#define REST_EVERY_MS 5000	/* what is due has its turn, however much is asked */

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

static struct changer_job **queued(struct changer *c, uint32_t place)
{
	return &c->queue[(c->first + place) % CHANGER_QUEUE];
}

static struct changer_job *take(struct changer *c, uint32_t place)
{
	struct changer_job *job = *queued(c, place);

	for (; place > 0; place--)	/* those before it keep their order */
		*queued(c, place) = *queued(c, place - 1);
	c->first = (c->first + 1) % CHANGER_QUEUE;
	c->waiting--;
	return job;
}

static bool is_behind_own(struct changer *c, uint32_t place)
{
	const char *site = (*queued(c, place))->change.site;

	for (uint32_t i = 0; i < place; i++)
		if (strcmp((*queued(c, i))->change.site, site) == 0)
			return true;
	return false;
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

/* A job passes those of other sites that wait for a busy one.  Nobody passes a change of
 * the same site, or one that may concern several. */
static void give_out(struct changer *c)
{
	for (uint32_t i = 0; i < c->waiting && change_is_of_one_site(&(*queued(c, i))->change);) {
		struct hand *h = is_behind_own(c, i) ? NULL : free_hand(c, *queued(c, i));

		if (!h) {
			i++;
			continue;
		}
		h->job = take(c, i);
		c->busy++;
		(void)pthread_cond_broadcast(&c->given);
	}
}

/* Gives jobs to hands, and returns one that is the caller's: not before all hands are free.
 * NULL: there is none, or it has to wait.  Unless it MAY_BEGIN, nothing is begun. */
static struct changer_job *next_job(struct changer *c, bool may_begin, bool *out_is_idle)
{
	struct changer_job *job = NULL;

	(void)pthread_mutex_lock(&c->lock);
	if (may_begin)
		give_out(c);
	if (may_begin && c->waiting && c->busy == 0)
		job = take(c, 0);
	*out_is_idle = c->busy == 0 && (c->waiting == 0 || !may_begin);
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

/* A supervisor that ended while nothing was asked is no matter of the next change. */
void changer_drop_dead_link(struct link *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (link_is_open(l) && poll(&p, 1, 0) != 0)
		link_close(l);
}

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
		c->pass_at = loop_now_ms();
	else if (w->is_left && !was_left)
		c->pass_at = loop_now_ms() + c->pass_wait;
	w->is_due = false;
	c->work.is_left = c->work.is_left || w->is_left;
	changer_publish(c, false);	/* what the caller asks next is true by then */
}

static void *run(void *arg)
{
	struct changer *c = arg;

	int64_t rest_at = loop_now_ms() + REST_EVERY_MS;

	while (!is_stopping(c)) {
		bool is_idle = false;
		bool may_begin = loop_now_ms() < rest_at;
		struct changer_job *job = next_job(c, may_begin, &is_idle);

		if (job) {
			changer_drop_dead_link(&c->work.link);
			changer_run_job(c, &c->work, &c->settings, job);
			job->done(job);
		} else if (!is_idle) {
			sleep_until_woken(c);
		} else {
			bool has_done = changer_do_due(c);

			rest_at = loop_now_ms() + REST_EVERY_MS;
			if (!has_done && may_begin)
				changer_sleep_until_due(c);
		}
	}
	changer_end_hands(c);
	while (c->waiting) {	/* nothing is added any more */
		struct changer_job *job = take(c, 0);
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
