/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One generation gK of a tenant's pool: a jail with its processes, from clone
 * to the removal of its group.  It reports to the pool that owns it.
 */
#ifndef DAEMON_SUPERVISOR_GENERATION_H
#define DAEMON_SUPERVISOR_GENERATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "daemon/supervisor/report.h"
#include "daemon/supervisor/spawn.h"
#include "schema/wire.h"

struct pool;

struct generation {
	struct pool *pool;
	uint32_t id;			/* K; 0: this slot is free */
	pid_t pid;
	int pidfd;
	int report;			/* -1: adopted, or no longer listened to */
	int board;			/* its memfd; -1: none yet */
	struct loop_watch end_watch, report_watch;
	struct loop_timer deadline;
	struct report_gate gate;
	uint64_t start_time, pool_key;
	uint64_t oom_kills;		/* of the tenant, when it started */
	int64_t ready_ms;		/* 0: it has not been ready */
	uint32_t drain_s;
	int64_t drain_ends_ms;		/* once it was asked to leave */
	bool is_adopted;
	bool is_leaving;		/* it said so, or we asked for it */
	bool is_killed;			/* by us */
	uint32_t link;			/* enum link_state: its way to the world */
	bool is_asked_for;		/* the link; not one that was there before us */
	int32_t workers, active;	/* as reported; -1: not known */
	char failure[REPORT_TEXT_MAX];	/* why it could not start, in its words */
};

/* How it went, after the generation itself is gone. */
struct generation_end {
	const struct generation *was;	/* to be compared, not looked into */
	bool is_clean;			/* status 0, nobody killed */
	bool was_ready, was_killed;
	int64_t ran_ms;			/* since it was ready */
	char text[REASON_MAX];
};

#define START_LIMIT_MS 30000	/* from the clone to READY */

/* The program of a spec, looked for in words that help before a cage is built in vain. */
int generation_check_program(const struct jail_spec *full, struct err *err);

/* Starts the next generation of P in a free slot, with the spec as it stands
 * on the disk. */
struct generation *generation_start(struct pool *p, struct err *err);

/* Takes a living one over, into the slot that it had, which its link is named
 * after; PIDFD is moved in. */
struct generation *generation_adopt(struct pool *p, const struct generation *like, size_t slot,
				    int pidfd, struct err *err);

/* Asks it to finish its requests, and kills it if that takes too long. */
void generation_drain(struct generation *g);

void generation_kill(struct generation *g);

/* For generation_start.c.  The first free slot from FIRST on, set up; NULL if
 * there is none. */
struct generation *generation_slot(struct pool *p, size_t first, struct err *err);
/* Waits for its end and its reports. */
int generation_watch(struct generation *g, struct err *err);
void generation_stop_listening(struct generation *g);

#endif
