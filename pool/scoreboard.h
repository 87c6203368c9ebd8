/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's side of its board (schema/pool_board.h): making it, and what its
 * master and its workers write there.
 */
#ifndef POOL_SCOREBOARD_H
#define POOL_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "pool/params.h"
#include "schema/pool_board.h"

/* Private to each process; only the board is shared. */
struct scoreboard {
	uint32_t slots;
	uint64_t started;	/* time(2) */
	uint64_t started_ms;
	struct score *slot;
	struct board *all;
	int fd;			/* the memfd */
};

/* Maps a board that forked children share.  It lives until the pool ends. */
int scoreboard_make(uint32_t slots, struct scoreboard *out, struct err *err);

/* Written by the worker that has the line. */
void score_begin(struct score *s, uint64_t now);
void score_end(struct score *s, uint64_t now);

/* What the request is, while it runs and until the next; and what it took. */
void score_request(struct score *s, const struct params *p);
void score_took(struct score *s, uint64_t cpu_us, uint64_t took_us, uint64_t memory);

/* A line before its worker runs: busy with starting. */
void score_assign(struct score *s, uint64_t now);
void score_release(struct score *s);

/* Counts a request by the time that it has waited. */
void board_waited(struct board *b, uint64_t ms);

static inline bool score_is_busy(uint32_t turn)
{
	return turn & 1;
}

#endif
