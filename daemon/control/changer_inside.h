/* SPDX-License-Identifier: Apache-2.0 */
/* What changer.c, changer_due.c and changer_hands.c share, and nobody else sees. */
#ifndef DAEMON_CONTROL_CHANGER_INSIDE_H
#define DAEMON_CONTROL_CHANGER_INSIDE_H

#include <pthread.h>

#include "daemon/control/changer.h"
#include "daemon/control/work.h"

#define CHANGER_QUICK_MS 10000
#define CHANGER_BUILD_MS 3600000	/* above the supervisor's own limits for all jobs, summed */
#define CHANGER_RETRY_MIN_MS 250
#define CHANGER_PASS_MIN_MS 1000

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

/* The thread looks again at what there is to do. */
void changer_wake(struct changer *c);

/* Closes a link whose other end has gone: what is asked next opens it again. */
void changer_drop_dead_link(struct link *l);

/* Carries a change out with WORK and SETTINGS of who calls, the thread or a hand; the
 * answer is in the job then. */
void changer_run_job(struct changer *c, struct work *w, struct settings *settings,
		     struct changer_job *job);

/* ---- changer_due.c: the thread's, between requests ---- */

/* Renews what changer_report() tells. */
void changer_publish(struct changer *c, bool with_strangers);

/* One thing that is due.  False if there is none. */
bool changer_do_due(struct changer *c);

/* Sleeps until a request, the end of the link, or the next due time. */
void changer_sleep_until_due(struct changer *c);

/* ---- changer_hands.c ---- */

/* On an error those that were started are the caller's to end. */
int changer_start_hands(struct changer *c, struct err *err);

/* They end what they have begun. */
void changer_end_hands(struct changer *c);

#endif
