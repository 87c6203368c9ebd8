/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pool and its workers tell of themselves: a memfd of this size that the
 * pool's processes share; the supervisor reads it and writes `queue` alone.
 * Workers run the tenant's code and may write anything anywhere in it.  So
 * readers take each number as a hint, bound it, never index or allocate by it,
 * and find an end in each text.
 */
#ifndef SCHEMA_POOL_BOARD_H
#define SCHEMA_POOL_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BOARD_NAME "board"	/* of the memfd, for who looks into /proc/PID/maps */
#define BOARD_ROWS 512		/* the most that max_children may be */
#define BOARD_WAITS 16		/* counted times of waiting, see board_wait_ms[] */
#define BOARD_TEXT_METHOD 16
#define BOARD_TEXT_USER 32
#define BOARD_TEXT_ID 40
#define BOARD_TEXT_URI 256
#define BOARD_TEXT_SCRIPT 256

/* One worker.  Cache lines of its own, so that workers do not slow one another. */
struct score {
	_Alignas(64) _Atomic uint32_t turn;	/* odd while a request runs */
	_Atomic int32_t pid;			/* in the jail; 0: nobody */
	_Atomic uint64_t since;			/* clock_ms() of the last turn */
	_Atomic uint64_t requests;		/* of all workers that had this line */
	_Atomic uint64_t served;		/* of this one */
	_Atomic uint64_t started;		/* clock_ms() */
	_Atomic uint32_t slow;			/* one more: write the slow log */
	_Atomic uint64_t cpu, memory;		/* of the last request: of one CPU's time, in
						 * 1/10000; peak in bytes */
	uint64_t length;			/* of the request's body */
	char method[BOARD_TEXT_METHOD];
	char user[BOARD_TEXT_USER];
	char id[BOARD_TEXT_ID];			/* REQUEST_ID, the web server's */
	char uri[BOARD_TEXT_URI];		/* with its query */
	char script[BOARD_TEXT_SCRIPT];
};

/* What waits for the pool, which only the supervisor can count: it writes this as often as
 * it looks, at least when the numbers of the pool change. */
struct board_queue {
	_Atomic uint32_t now, most, room;
	uint32_t reserved;
};

/* The master's last word.  A supervisor that adopted the pool is not its parent, so
 * that no status tells it how the pool ended. */
enum board_word {
	BOARD_NO_WORD,				/* a build that knows of none */
	BOARD_RUNS,
	BOARD_LEFT,				/* as asked, or when idle */
};

/* The pool. */
struct board {
	_Atomic uint64_t started;		/* seconds since 1970 */
	_Atomic uint64_t started_ms;		/* clock_ms() */
	_Atomic uint32_t max_active, max_children_reached;
	_Atomic uint64_t slow, late;		/* requests: logged; discarded unserved */
	_Atomic uint64_t waits[BOARD_WAITS];	/* requests by time waited */
	_Atomic uint64_t waited_ms;		/* the sum */
	struct board_queue queue;
	_Atomic uint32_t last_word;		/* enum board_word */
	struct score row[BOARD_ROWS];
};

/* waits[i] counts requests that waited at most so many milliseconds, and longer
 * than those before; the last one counts the rest. */
extern const uint32_t board_wait_ms[BOARD_WAITS - 1];

struct wire_board;

/* Condenses the first SLOTS rows of a board, those behind place AFTER one by one as far as
 * there is room; *out_more: there are more.  NOW is clock_ms() of the same clock.  Adds to
 * *OUT, which says what is not on the board. */
void board_take(const struct board *b, uint32_t slots, uint32_t after, uint64_t now,
		struct wire_board *out, bool *out_more);

#endif
