/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes and their threads. */
#include "daemon/control/readers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

#define THREADS 3

enum lane_id { LANE_QUICK, LANE_SLOW, LANES };

struct lane {
	pthread_cond_t more;
	struct reader_job *queue[READERS_QUEUE];	/* a ring */
	size_t first, count;
};

struct thread {
	struct readers *readers;
	struct lane *lane;
	struct settings_now *settings_now;
	struct settings settings;	/* of the job that runs */
	struct reader reader;
	pthread_t thread;
	bool is_started;
};

struct readers {
	pthread_mutex_t lock;		/* over the lanes and is_stopping */
	bool is_stopping;
	struct lane lane[LANES];
	struct thread thread[THREADS];
};

/* Two for what is answered at once, so that a supervisor that is away does not
 * keep the other questions waiting; one for what takes its time. */
static const enum lane_id lane_of_thread[THREADS] = { LANE_QUICK, LANE_QUICK, LANE_SLOW };

static struct reader_job *take_job(struct readers *r, struct lane *l)
{
	struct reader_job *job = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (l->count == 0 && !r->is_stopping)
		(void)pthread_cond_wait(&l->more, &r->lock);
	if (l->count > 0 && !r->is_stopping) {
		job = l->queue[l->first];
		l->first = (l->first + 1) % READERS_QUEUE;
		l->count--;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return job;
}

static void *run(void *arg)
{
	struct thread *t = arg;

	for (struct reader_job *job; (job = take_job(t->readers, t->lane));) {
		settings_now_get(t->settings_now, &t->settings);
		if (job->route.row->id == COMMAND_LOGS)
			job->is_log = read_log(&t->reader, &job->route, &job->log,
					       &job->answer) == 0;
		else
			read_run(&t->reader, &job->route, &job->answer);
		job->done(job);
	}
	return NULL;
}

int readers_submit(struct readers *r, struct reader_job *job, struct err *err)
{
	struct lane *l = &r->lane[read_is_slow(&job->route) ? LANE_SLOW : LANE_QUICK];
	int rc = 0;

	(void)pthread_mutex_lock(&r->lock);
	if (r->is_stopping)
		rc = err_set(err, ERR_BUSY, "tenant-control is ending; ask again in a moment");
	else if (l->count == READERS_QUEUE)
		rc = err_set(err, ERR_BUSY, "%d questions wait already; ask again later",
			     READERS_QUEUE);
	else
		l->queue[(l->first + l->count++) % READERS_QUEUE] = job;
	(void)pthread_cond_signal(&l->more);
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

static int start_thread(struct readers *r, struct thread *t, enum lane_id lane,
			const char *database, struct err *err)
{
	t->readers = r;
	t->lane = &r->lane[lane];
	live_init(&t->reader.live, t->reader.settings->run_dir);
	if (store_open_reader(database, &t->reader.store, err) < 0)
		return -1;
	errno = pthread_create(&t->thread, NULL, run, t);
	if (errno != 0)
		return err_sys(err, "thread of the readers");
	t->is_started = true;
	return 0;
}

int readers_start(struct settings_now *settings, struct changer *changer, const char *database,
		  struct readers **out, struct err *err)
{
	struct readers *r = calloc(1, sizeof(*r));

	if (!r)
		return err_sys(err, "memory for the readers");
	(void)pthread_mutex_init(&r->lock, NULL);	/* these cannot fail with defaults */
	for (int i = 0; i < LANES; i++)
		(void)pthread_cond_init(&r->lane[i].more, NULL);
	for (int i = 0; i < THREADS; i++) {
		r->thread[i].settings_now = settings;
		settings_now_get(settings, &r->thread[i].settings);
		r->thread[i].reader.settings = &r->thread[i].settings;
		r->thread[i].reader.changer = changer;
		if (start_thread(r, &r->thread[i], lane_of_thread[i], database, err) < 0) {
			readers_stop(r);
			return -1;
		}
	}
	*out = r;
	return 0;
}

static void turn_away(struct lane *l)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_BUSY, "tenant-control is ending; ask again in a moment");
	for (; l->count > 0; l->count--) {
		struct reader_job *job = l->queue[l->first];

		l->first = (l->first + 1) % READERS_QUEUE;
		envelope_failed(&job->answer, job->route.row->word, &err, "");
		job->done(job);
	}
}

void readers_stop(struct readers *r)
{
	if (!r)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->is_stopping = true;
	for (int i = 0; i < LANES; i++)
		(void)pthread_cond_broadcast(&r->lane[i].more);
	(void)pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < THREADS; i++) {
		struct thread *t = &r->thread[i];

		if (t->is_started)
			(void)pthread_join(t->thread, NULL);
		if (t->reader.store)
			live_done(&t->reader.live);
		store_close(t->reader.store);
	}
	for (int i = 0; i < LANES; i++) {
		turn_away(&r->lane[i]);
		(void)pthread_cond_destroy(&r->lane[i].more);
	}
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}
