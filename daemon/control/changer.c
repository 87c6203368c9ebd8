/* SPDX-License-Identifier: Apache-2.0 */
/* Queue and thread of the changes. */
#include "daemon/control/changer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/control/change.h"
#include "schema/errors.h"
#include "schema/events.h"

#define QUICK_MS 10000
#define BUILD_MS 1800000	/* above the supervisor's own limits for all jobs at once, summed */
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 10000
#define PASS_MIN_MS 1000
#define PASS_MAX_MS 600000
#define DAY_MS (24 * 3600 * 1000)

/* Carries out a change of one site while others carry out those of other sites. */
struct hand {
	struct changer *changer;
	struct work work;
	struct settings settings;	/* of the request that runs */
	pthread_t thread;
	bool is_started;
	struct changer_job *job;	/* under the changer's lock; NULL: it is free */
};

struct changer {
	struct work work;
	pthread_t thread;
	int wake;			/* eventfd: the queue has grown, or stop */

	/* the thread's own */
	struct settings_now *settings_now;
	struct settings settings;		/* of the request that runs */
	struct reconcile pass;
	bool is_passing;
	int64_t connect_at, pass_at, daily_at;	/* due times, milliseconds */
	int connect_wait, pass_wait;

	/* Over the store, `work` and `pass`.  The thread does without where no hand is busy. */
	pthread_mutex_t turn;
	struct hand hand[CHANGER_HANDS];

	pthread_mutex_t lock;		/* over all that follows, and who does what */
	pthread_cond_t given;		/* a hand has got a job, or is to end */
	uint32_t busy;			/* hands */
	bool is_ending;			/* for the hands */
	struct changer_job *queue[CHANGER_QUEUE];
	uint32_t first, waiting;
	bool is_stopping;
	struct changer_report report;
	struct stranger *strangers;
};

static int64_t now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the queue ---- */

static void wake(struct changer *c)
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
		wake(c);
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

/* ---- what goes on between requests ---- */

static void publish(struct changer *c, bool with_strangers)
{
	struct stranger *copy = NULL;
	size_t size = c->pass.stranger_count * sizeof(*copy);

	if (with_strangers && size) {
		copy = malloc(size);
		if (copy)
			memcpy(copy, c->pass.strangers, size);
	}
	(void)pthread_mutex_lock(&c->lock);
	c->report.is_connected = link_is_open(&c->work.link);
	c->report.is_reconciled = c->report.is_connected && !c->work.is_left && !c->is_passing;
	if (with_strangers) {
		free(c->strangers);
		c->strangers = copy;
		c->report.stranger_count = copy ? c->pass.stranger_count : 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static void end_pass(struct changer *c, bool is_broken, const struct err *err)
{
	c->is_passing = false;
	c->work.is_left = c->work.is_left || is_broken;
	if (is_broken)
		log_event(DAEMON_ERROR, "what=reconcile reason='%s'", err->text);
	if (c->work.is_left) {
		c->pass_at = now_ms() + c->pass_wait;
		c->pass_wait = c->pass_wait * 2 > PASS_MAX_MS ? PASS_MAX_MS : c->pass_wait * 2;
	} else {
		c->pass_wait = PASS_MIN_MS;
	}
	publish(c, false);
}

static void begin_pass(struct changer *c)
{
	struct err err = { 0 };

	c->work.is_left = false;
	if (reconcile_plan(&c->pass, &c->work, &err) < 0) {
		end_pass(c, true, &err);
		return;
	}
	for (uint32_t i = 0; i < c->pass.stranger_count; i++)
		log_event(DAEMON_ERROR, "what=unknown_to_database number=%u tenant=%s",
			  c->pass.strangers[i].number, c->pass.strangers[i].site);
	c->is_passing = true;
	publish(c, true);
}

static void step_pass(struct changer *c)
{
	struct err err = { 0 };
	int rc = reconcile_step(&c->pass, &c->work, &err);

	if (rc <= 0)
		end_pass(c, rc < 0, &err);
}

static void try_connect(struct changer *c)
{
	struct err err = { 0 };

	if (work_connect(&c->work, &err) == 0) {
		c->connect_wait = RETRY_MIN_MS;
		publish(c, false);
		return;
	}
	if (c->connect_wait == RETRY_MIN_MS)	/* once, not with every try */
		log_event(DAEMON_ERROR, "what=supervisor reason='%s'", err.text);
	c->connect_at = now_ms() + c->connect_wait;
	c->connect_wait = c->connect_wait * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : c->connect_wait * 2;
	publish(c, false);
}

static void do_daily(struct changer *c)
{
	struct err err = { 0 };

	c->daily_at = now_ms() + DAY_MS;
	if (link_call(&c->work.link, WIRE_PURGE, 0, NULL, 0, NULL, NULL, &err) < 0)
		log_event(JOB_FAILED, "what=purge reason='%s'", err.text);
	if (store_audit_trim(c->work.store, c->work.settings->audit_rows, &err) < 0)
		log_event(JOB_FAILED, "what=audit_trim reason='%s'", err.text);
}

/* Sleeps until a request comes or a hand is free. */
static void sleep_until_woken(struct changer *c)
{
	struct pollfd p = { .fd = c->wake, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&p, 1, -1) > 0 && read(c->wake, &count, sizeof(count)) < 0)
		return;		/* another wake-up of the same kind took it */
}

/* Sleeps until a request, the end of the link, or the next due time. */
static void sleep_until_due(struct changer *c)
{
	bool is_open = link_is_open(&c->work.link);
	struct pollfd p[2] = { { .fd = c->wake, .events = POLLIN },
			       { .fd = c->work.link.fd, .events = POLLIN } };
	int64_t due = is_open ? c->daily_at : c->connect_at;
	uint64_t count = 0;

	if (is_open && c->work.is_left && c->pass_at < due)
		due = c->pass_at;
	int64_t wait = due - now_ms();

	if (poll(p, is_open ? 2 : 1, wait < 0 ? 0 : wait > DAY_MS ? DAY_MS : (int)wait) <= 0)
		return;
	if (p[0].revents && read(c->wake, &count, sizeof(count)) < 0)
		return;		/* another wake-up of the same kind took it */
	/* Nobody has asked anything: whatever comes now is the end, or nonsense. */
	if (is_open && p[1].revents) {
		link_close(&c->work.link);
		c->is_passing = false;
		c->connect_at = now_ms() + c->connect_wait;
		log_event(DAEMON_ERROR, "what=supervisor reason='it closed the connection'");
		publish(c, false);
	}
}

/* One thing that is due.  False if there is none. */
static bool do_due(struct changer *c)
{
	bool is_open = link_is_open(&c->work.link);

	if (!is_open) {
		c->is_passing = false;
		if (now_ms() < c->connect_at)
			return false;
		try_connect(c);
		c->pass_at = now_ms();
	} else if (c->is_passing) {
		step_pass(c);
	} else if (c->work.is_left && now_ms() >= c->pass_at) {
		begin_pass(c);
	} else if (now_ms() >= c->daily_at) {
		do_daily(c);
	} else {
		return false;
	}
	return true;
}

static void run_job(struct changer *c, struct work *w, struct settings *settings,
		    struct changer_job *job)
{
	bool was_left = c->work.is_left;

	settings_now_get(c->settings_now, settings);
	change_run(w, &job->change, &job->answer);
	/* What just failed gets a moment before the next try. */
	if (w->is_due)
		c->pass_at = now_ms();
	else if (w->is_left && !was_left)
		c->pass_at = now_ms() + c->pass_wait;
	w->is_due = false;
	c->work.is_left = c->work.is_left || w->is_left;
	publish(c, false);	/* what the caller asks next is true by then */
}

/* ---- hands ---- */

/* A supervisor that ended while nothing was asked is no matter of the next change. */
static void drop_dead_link(struct link *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (link_is_open(l) && poll(&p, 1, 0) != 0)
		link_close(l);
}

static void *run_hand(void *arg)
{
	struct hand *h = arg;
	struct changer *c = h->changer;

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!h->job && !c->is_ending)
			(void)pthread_cond_wait(&c->given, &c->lock);
		if (!h->job)
			break;
		struct changer_job *job = h->job;

		(void)pthread_mutex_unlock(&c->lock);
		drop_dead_link(&h->work.link);
		(void)pthread_mutex_lock(&c->turn);
		h->work.is_left = false;
		run_job(c, &h->work, &h->settings, job);
		if (link_is_open(&h->work.link) && !link_is_open(&c->work.link))
			c->connect_at = 0;	/* it is back */
		(void)pthread_mutex_unlock(&c->turn);
		(void)pthread_mutex_lock(&c->lock);
		h->job = NULL;
		c->busy--;
		(void)pthread_mutex_unlock(&c->lock);
		job->done(job);
		wake(c);
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* They end what they have begun. */
static void end_hands(struct changer *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->is_ending = true;
	(void)pthread_cond_broadcast(&c->given);
	(void)pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < CHANGER_HANDS; i++)
		if (c->hand[i].is_started)
			(void)pthread_join(c->hand[i].thread, NULL);
}

static int start_hands(struct changer *c, struct err *err)
{
	for (size_t i = 0; i < CHANGER_HANDS; i++) {
		struct hand *h = &c->hand[i];

		h->changer = c;
		h->work = (struct work){ .settings = &h->settings, .store = c->work.store,
					 .turn = &c->turn };
		link_init(&h->work.link, QUICK_MS, BUILD_MS);
		errno = pthread_create(&h->thread, NULL, run_hand, h);
		if (errno != 0)
			return err_sys(err, "thread of the changes");
		h->is_started = true;
	}
	return 0;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct changer *c = arg;

	while (!is_stopping(c)) {
		bool is_idle = false;
		struct changer_job *job = next_job(c, &is_idle);

		if (job) {
			run_job(c, &c->work, &c->settings, job);
			job->done(job);
		} else if (!is_idle) {
			sleep_until_woken(c);
		} else if (!do_due(c)) {
			sleep_until_due(c);
		}
	}
	end_hands(c);
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
		store_close(store);
		return err_sys(err, "memory for the changes");
	}
	c->settings_now = settings;
	settings_now_get(settings, &c->settings);
	c->work.settings = &c->settings;
	c->work.store = store;
	c->work.is_left = true;
	link_init(&c->work.link, QUICK_MS, BUILD_MS);
	c->connect_wait = RETRY_MIN_MS;
	c->pass_wait = PASS_MIN_MS;
	/* These cannot fail with defaults. */
	(void)pthread_mutex_init(&c->turn, NULL);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->given, NULL);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0) {
		free_changer(c);
		return err_sys(err, "eventfd");
	}
	int rc = start_hands(c, err);

	if (rc == 0) {
		errno = pthread_create(&c->thread, NULL, run, c);
		rc = errno == 0 ? 0 : err_sys(err, "thread of the changes");
	}
	if (rc < 0) {
		end_hands(c);
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
	wake(c);
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
