/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a pool gets more workers, and when fewer: the three kinds of `pm`.  The
 * caller says what it sees of the listener; the processes are in pool/workers.h.
 */
#ifndef POOL_GROWTH_H
#define POOL_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/workers.h"
#include "schema/options.h"

struct growth {
	const struct options *options;
	struct workers *workers;
	uint64_t look_at;	/* not to look at the listener before */
	uint64_t waiting_since;	/* a connection waits since; 0: none seen */
	uint32_t spawns_left;	/* of max_spawn_rate, in this second */
	uint32_t spare_rate;	/* spare workers to start at the next tick */
};

void growth_init(struct growth *g, const struct options *options, struct workers *workers);

/* Static and dynamic pools begin with workers. */
void growth_start(struct growth *g, uint64_t now);

/* Once a second, while the pool serves. */
void growth_tick(struct growth *g, uint64_t now);

/* Some have ended: a static pool is kept full. */
void growth_fill(struct growth *g, uint64_t now);

/* True if another worker may be forked, were one needed. */
bool growth_is_possible(const struct growth *g);

/* A connection is seen waiting: forks one, if that has been so for long enough. */
void growth_wait(struct growth *g, uint64_t now);

/* None is. */
void growth_calm(struct growth *g);

#endif
