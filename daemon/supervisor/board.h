/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a pool's board (schema/pool_board.h).  It belongs to the pool, whose
 * workers may write anything there at any time: it is copied, and nothing of it is read
 * where it lies.
 */
#ifndef DAEMON_SUPERVISOR_BOARD_H
#define DAEMON_SUPERVISOR_BOARD_H

#include "daemon/supervisor/pool.h"
#include "schema/pool_board.h"

/* True if the descriptor is a board: a memfd of the right size for ever. */
bool board_is_one(int fd);

/* What the master said last; BOARD_NO_WORD if that cannot be read. */
enum board_word board_last_word(int fd);

/* Answers WIRE_BOARD: the pool that serves, its workers behind place AFTER.
 * *out_more: there are more.  ERR_UNKNOWN_SITE. */
int board_status(const struct pools *ps, uint32_t number, uint32_t after, struct wire_board *out,
		 bool *out_more, struct err *err);

/* Looks how many visitors wait, for the most that were seen. */
void board_note_queue(struct pool *p);

#endif
