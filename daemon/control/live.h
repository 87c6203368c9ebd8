/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor knows of running pools, for requests that only read.  Has
 * a link of its own with short waits, so that reads go on during a long change,
 * and leaves a supervisor that does not answer alone for a while.
 */
#ifndef DAEMON_CONTROL_LIVE_H
#define DAEMON_CONTROL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/control/link.h"
#include "schema/wire.h"

struct live {
	const char *run_dir;
	struct link link;
	int64_t away_until_ms;
	struct err why;		/* it is away */
};

void live_init(struct live *l, const char *run_dir);
void live_done(struct live *l);

/* Whether the supervisor answers.  ERR_NO_DAEMON. */
int live_ping(struct live *l, struct err *err);

/* Facts of one tenant; all texts in it end.  ERR_NO_DAEMON, ERR_UNKNOWN_SITE. */
int live_status(struct live *l, uint32_t number, struct wire_status *out, struct err *err);

/* What the machine can enforce.  ERR_NO_DAEMON. */
int live_machine(struct live *l, struct wire_machine *out, struct err *err);

/* What the kernel enforces on the living pool.  Also ERR_CONFLICT: none lives. */
int live_jail(struct live *l, uint32_t number, struct wire_jail *out, struct err *err);

/* The board of one tenant's pool, its workers behind the place AFTER; all texts in
 * it end.  *out_more: there are more.  ERR_NO_DAEMON, ERR_UNKNOWN_SITE. */
int live_board(struct live *l, uint32_t number, uint32_t after, struct wire_board *out,
	       bool *out_more, struct err *err);

/* Has the promises tried in the tenant's cage: *out_count rows, checked.  Takes
 * seconds.  Also ERR_CONFLICT: it is suspended; ERR_BUSY: another is tried. */
int live_verify(struct live *l, uint32_t number, struct wire_promise out[WIRE_PROMISE_ROWS],
		size_t *out_count, struct err *err);

/* All rows, in the order of the numbers.  *out is the caller's to free. */
int live_list(struct live *l, struct wire_list_row **out, uint32_t *out_count, struct err *err);

/* The row of a number in such a list, or NULL. */
const struct wire_list_row *live_find(const struct wire_list_row *rows, uint32_t count,
				      uint32_t number);

#endif
