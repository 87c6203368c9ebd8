/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a child of the master that accepts connections and serves them, one
 * at a time, and runs the tenant's code.  It is hostile from its first request.
 */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include <stdint.h>

#include "pool/runtime.h"

struct worker_start {
	const struct runtime_pool *pool;
	struct score *score;	/* its line of the board */
	int link;		/* to the master: a byte is a question whether it is there and
				 * is sent back; the end means: serve what waits, then leave */
};

/* Exit statuses. */
enum worker_exit {
	WORKER_LEFT = 0,	/* idle, told to stop, or at max_requests */
	WORKER_LISTENER = 3,	/* the listener does not accept any more */
	WORKER_UNFIT,		/* PHP is not fit for another request */
	WORKER_FAILED,		/* it did not get ready: the log says why */
};

/* In a child of the master: descriptors and signals that are the master's. */
void worker_part_from_master(void);

/* Never returns. */
_Noreturn void worker_run(const struct worker_start *w);

#endif
