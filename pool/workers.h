/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master's table of its workers: fork, watch, end, reap.  Whatever the
 * scoreboard says is clamped by what the master saw itself.
 */
#ifndef POOL_WORKERS_H
#define POOL_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "pool/budget.h"
#include "pool/runtime.h"

/*
 * A worker can write whatever it likes on the board, so three bounds rest on
 * what it cannot write.  It is asked over its link whether it is there once in
 * request_terminate_timeout, which only a worker between two requests answers;
 * it is told to leave when it is process_max_age old; and where it does not
 * answer, or leave, within another request_terminate_timeout, it is killed.
 * Native code that plays a whole worker well is so left with process_max_age.
 */
struct worker_row {
	pid_t pid;		/* 0: free */
	int link;		/* socket to the worker; its end means: leave */
	uint32_t turn;		/* of the board, when last looked */
	uint64_t busy_since;	/* by the master's clock; 0: idle */
	uint64_t idle_since;
	uint64_t asked;		/* when it was sent SIGTERM; 0: not */
	uint64_t born, heard;	/* forked; last answer on the link */
	uint64_t must_by;	/* when it must have answered or left; 0: nothing is due */
	bool is_told;		/* to leave */
	bool is_slow;		/* the slow log has this request */
};

#define WORKER_STARTING 1u	/* the turn that score_assign() begins with */

struct workers {
	const struct runtime_pool *pool;
	struct scoreboard *board;
	struct worker_row *row;
	uint32_t max, count, busy;
	uint64_t slow;		/* requests that were, in all */
	bool is_stopping;
	pid_t turnstile;	/* pool/late.h; 0: there is none */
	int turnstile_link;
	struct budget crashes;
	int signals;		/* the master's signalfd, closed in workers */
};

int workers_init(struct workers *w, const struct runtime_pool *pool, struct scoreboard *board,
		 int signals, struct err *err);

/* Forks one.  -1 where no row or no process is free, or where workers die so
 * fast that the next has to wait. */
int workers_fork(struct workers *w, uint64_t now);

/* Milliseconds until workers_fork() may be tried; 0: now. */
uint64_t workers_fork_wait(struct workers *w, uint64_t now);

/* Reaps all that ended, orphans of workers among them, and ends the orphans that
 * workers left behind.  Returns true if a worker said that the listener is of no
 * more use. */
bool workers_reap(struct workers *w, uint64_t now);

/* Looks at the board; ends requests that run longer than the option allows, and
 * workers that keep silent. */
void workers_watch(struct workers *w, uint64_t now);

/* Idle ones that stay, and those on their way. */
uint32_t workers_idle(const struct workers *w);

/* Tells one to serve what waits and leave.  Idempotent. */
void workers_tell(struct workers *w, struct worker_row *row, uint64_t now);

/* Tells the longest idle one to leave.  It serves what waits first. */
void workers_spare(struct workers *w, uint64_t now);

/* Tells the oldest one to leave if it is of age; one a call, so that a pool whose
 * workers were born together is not without any. */
void workers_retire(struct workers *w, uint64_t now);

/* True while one has been forked and has not accepted yet. */
bool workers_are_starting(const struct workers *w);

/* Tells all to serve what waits and leave.  Idempotent. */
void workers_stop(struct workers *w);

/* Has a turnstile, or has none. */
void workers_turnstile(struct workers *w, bool is_wanted);

/* A number that changes when any worker begins or ends a request. */
uint64_t workers_turns(const struct workers *w);

/* Kills those without a running request, or all. */
void workers_kill(struct workers *w, bool busy_too);

#endif
