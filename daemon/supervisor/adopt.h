/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding everything again after a restart or kill -9: listeners in the
 * service manager's store or in living pools, pools by their records, groups
 * that nothing explains.
 */
#ifndef DAEMON_SUPERVISOR_ADOPT_H
#define DAEMON_SUPERVISOR_ADOPT_H

#include "daemon/supervisor/pool.h"

/* Descriptors that came from the store, until somebody wants them. */
struct adopt_store {
	struct adopt_held {
		uint32_t number;
		int fd;
	} *held;
	size_t count;
};

/* Collects them; call once, before anything else opens descriptors.  Those
 * that are no listener of ours are closed. */
void adopt_store_take(struct adopt_store *s);

/* Brings the whole table to life: all specs, all that is left of before. */
int adopt_all(struct pools *ps, struct adopt_store *s, struct err *err);

#endif
