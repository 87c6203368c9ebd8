/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What workers tell of themselves, in memory shared with the master.  Workers
 * run the tenant's code and may write anything anywhere in it: readers take
 * each number as a hint, bound it, and never index or allocate by it.
 */
#ifndef POOL_SCOREBOARD_H
#define POOL_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A cache line each, so that workers do not slow one another. */
struct score {
	_Alignas(64) _Atomic uint32_t turn;	/* odd while a request runs */
	_Atomic int32_t pid;			/* 0: nobody */
	_Atomic uint64_t since;			/* clock_ms() of the last turn */
	_Atomic uint64_t requests;		/* of all workers that had this line */
};

/* Private to each process; only the lines are shared. */
struct scoreboard {
	uint32_t slots;
	uint64_t started;	/* time(2) */
	uint64_t started_ms;
	struct score *slot;
};

/* Maps lines that forked children share.  They live until the pool ends. */
int scoreboard_make(uint32_t slots, struct scoreboard *out, struct err *err);

/* Written by the worker that has the line. */
void score_begin(struct score *s, uint64_t now);
void score_end(struct score *s, uint64_t now);

/* A line before its worker runs: busy with starting. */
void score_assign(struct score *s, uint64_t now);
void score_release(struct score *s);

static inline bool score_is_busy(uint32_t turn)
{
	return turn & 1;
}

#endif
