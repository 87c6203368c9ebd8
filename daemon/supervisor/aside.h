/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that runs once in a tenant's cage, beside the pool and without touching
 * it: a generation of its own, in the tenant's group and within the limits that hold
 * now, in a jail of a given spec, without the pool's link to the world.  One at a time
 * for each `struct aside`.  A supervisor that is replaced ends it as a leftover.
 */
#ifndef DAEMON_SUPERVISOR_ASIDE_H
#define DAEMON_SUPERVISOR_ASIDE_H

#include "daemon/supervisor/child.h"
#include "daemon/supervisor/pool.h"

struct aside {
	struct aside *next;		/* of the same pools */
	struct pools *pools;
	struct child child;
	uint32_t number, generation;	/* 0: none runs */
	int report;
	struct loop_watch watch;
	size_t messages, messages_max;
	/* One message, as an attacker's bytes; -1 ends the program. */
	int (*on_message)(void *owner, const void *message, size_t size, struct err *err);
	void (*on_end)(void *owner, const struct spawn_end *end);
	void *owner;
	char failure[REPORT_TEXT_MAX];	/* of the jail or the program, in its words */
};

/* MESSAGES_MAX are heard of one run; more end it. */
void aside_init(struct aside *a, struct pools *pools, size_t messages_max,
		int (*on_message)(void *owner, const void *message, size_t size, struct err *err),
		void (*on_end)(void *owner, const struct spawn_end *end), void *owner);

/* Starts SPEC's program for a tenant that the supervisor knows; past LIMIT_MS it is
 * killed.  LISTENER becomes its descriptor 3.  ERR_BUSY while one runs. */
int aside_start(struct aside *a, uint32_t number, const struct jail_spec *spec, int listener,
		int64_t limit_ms, struct err *err);

/* For on_message: a pool's report.  *out_kind becomes its kind; the first failure is kept. */
int aside_take_report(struct aside *a, const void *message, size_t size, uint32_t *out_kind,
		      struct err *err);

/* True if one of POOLS runs in this generation. */
bool aside_is_living(const struct pools *pools, uint32_t number, uint32_t generation);

#endif
