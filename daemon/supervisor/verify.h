/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying the promises on a live tenant: tenant-probe runs beside the pool, in a jail
 * of the tenant's own spec.  One at a time; the peer gets the outcomes when it has
 * ended.  What the probe sends is taken as a pool's would be.
 */
#ifndef DAEMON_SUPERVISOR_VERIFY_H
#define DAEMON_SUPERVISOR_VERIFY_H

#include "daemon/supervisor/aside.h"
#include "daemon/supervisor/peer.h"
#include "schema/promises.h"

struct verify {
	struct place *place;
	struct pools *pools;
	struct peers *peers;
	struct aside aside;
	uint64_t peer;			/* who asked */
	struct wire_head request;
	struct wire_promise row[WIRE_PROMISE_ROWS];
	size_t count;
};

void verify_init(struct verify *v, struct place *place, struct pools *pools,
		 struct peers *peers);

/* Starts for the tenant of REQUEST, or replies at once with the error. */
void verify_start(struct verify *v, uint64_t peer, const struct wire_head *request);

#endif
