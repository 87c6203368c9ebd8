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

struct worker_row {
	pid_t pid;		/* 0: free */
	uint32_t turn;		/* of the board, when last looked */
	uint64_t busy_since;	/* by the master's clock; 0: idle */
	uint64_t asked;		/* when it was told to end; 0: not */
};

struct workers {
	const struct runtime_pool *pool;
	struct scoreboard *board;
	struct worker_row *row;
	uint32_t max, count, busy;
	struct budget crashes;
	int stop[2];		/* pipe; workers see its end */
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

/* Looks at the board; ends requests that run longer than the option allows. */
void workers_watch(struct workers *w, uint64_t now);

/* True while one has been forked and has not accepted yet. */
bool workers_are_starting(const struct workers *w);

/* Tells all to serve what waits and leave.  Idempotent. */
void workers_stop(struct workers *w);

/* Kills those without a running request, or all. */
void workers_kill(struct workers *w, bool busy_too);

#endif
