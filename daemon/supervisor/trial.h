/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying settings that only PHP can judge before anything is changed: the pool's
 * program runs beside the pool in the cage that the settings would have, with no
 * listener, and ends as soon as PHP has started.  One at a time for each `struct trial`.
 */
#ifndef DAEMON_SUPERVISOR_TRIAL_H
#define DAEMON_SUPERVISOR_TRIAL_H

#include "daemon/supervisor/aside.h"

struct trial {
	struct pools *pools;
	struct aside aside;
	bool is_ready;
	int64_t began_ms;
	uint32_t microseconds;		/* that it took */
	void (*on_done)(void *owner);
	void *owner;
	struct err err;			/* ERR_UNFIT and PHP's words; code 0: PHP takes them */
};

void trial_init(struct trial *t, struct pools *pools, void (*on_done)(void *owner), void *owner);

/* Starts with the record of SIZE bytes that tenant-build made and did not store.
 * on_done is called when it has ended.  ERR_EXHAUSTED where there is no room for it
 * beside the pool: then nothing is known, and nobody's fault. */
int trial_start(struct trial *t, uint32_t number, const void *record, size_t size,
		struct err *err);

#endif
