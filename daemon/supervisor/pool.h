/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenants and their pools: carries out what pool_state.c decides.  One
 * entry per spec record, in a table of fixed size, sorted by number.
 */
#ifndef DAEMON_SUPERVISOR_POOL_H
#define DAEMON_SUPERVISOR_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/generation.h"
#include "daemon/supervisor/place.h"
#include "daemon/supervisor/pool_record.h"
#include "daemon/supervisor/pool_state.h"
#include "daemon/supervisor/tenant_spec.h"
#include "daemon/supervisor/violations.h"
#include "schema/wire.h"

struct aside;
struct execs;
struct log_link;
struct net_link;
struct pools;

struct pool {
	struct pools *pools;
	uint32_t number;
	enum pool_state state;
	int64_t since;			/* of the state; seconds since 1970 */
	struct tenant_spec spec;
	bool is_gone;			/* there is no spec (any more): to be cleared away */
	bool is_dirty;			/* groups are left to be removed */
	bool is_outdated;		/* to be replaced, when that is possible again */
	bool is_log_wanted, is_log_sent;	/* what tenant-log shall and does read */
	bool is_visits_sent;		/* and where it writes visits to */

	int listener;			/* -1: none is bound */
	struct loop_watch listener_watch;
	struct loop_timer timer;	/* of BACKOFF, and to try to listen again */
	struct backoff backoff;

	struct generation slot[POOL_GENERATIONS];
	struct generation *now, *next;	/* in slot, or NULL; other used slots are old */
	uint32_t last_generation;	/* ids are not given out twice */

	struct violation_counts violations;
	uint64_t starts, crashes, listener_replaced;
	uint32_t max_listen_queue;	/* that was seen */
	uint64_t oom_before, oom_last;	/* of groups that are gone; of those there are */
	char last_end[REASON_MAX], last_error[REASON_MAX];

	char link_reason[REASON_MAX];	/* why the latest generation has no link */
	uint64_t sent_bytes, sent_packets, received_bytes, received_packets, refused_packets;
};

#define POOLS_MAX 65536		/* of the setting tenants_max */

struct pools {
	struct place *place;
	struct log_link *log;
	struct net_link *net;
	struct execs *execs;		/* commands in tenants' cages; NULL: none yet */
	struct aside *asides;		/* other programs there; a list */
	struct pool **at;		/* sorted by number */
	size_t count, max;
	struct loop_timer sweep;
	void (*on_change)(void *owner);	/* something was cleared away */
	void *owner;
};

/* PLACE's settings give the size of the table. */
int pools_init(struct pools *ps, struct place *place, struct log_link *log, struct net_link *net,
	       struct err *err);

/* The tenant's entry, or NULL. */
struct pool *pools_find(const struct pools *ps, uint32_t number);

/* The same; made if needed.  ERR_EXHAUSTED where the table is full. */
struct pool *pools_add(struct pools *ps, uint32_t number, struct err *err);

/* Reads the tenant's spec and makes its limits, listener and pool follow. */
int pools_sync(struct pools *ps, uint32_t number, struct err *err);

/* Clears away what has ended, soon; calls on_change after it. */
void pools_settle(struct pools *ps);

/* Marks an entry that has no spec: all of it is killed and removed. */
void pool_discard(struct pool *p);

/* Brings a new generation in, as the state allows. */
void pool_replace(struct pool *p);

/* Gives up the listener for a new one; a pool that holds the old one is replaced. */
void pool_listen_anew(struct pool *p);

/* True if no process of the tenant lives that we know of. */
bool pool_is_quiet(const struct pool *p);

/* The only way in which a state changes. */
void pool_step(struct pool *p, enum pool_event event);

/* Called by a generation: it accepts; its time is over; it has ended. */
void pool_on_ready(struct pool *p, struct generation *g);
void pool_on_late(struct pool *p, struct generation *g);
void pool_on_end(struct pool *p, const struct generation_end *end);

/* Processes of the tenant that the kernel has killed for memory.  On cgroup v1
 * a removed generation takes its count along, so ask before and after. */
uint64_t pool_oom_kills(struct pool *p);

/* Counts and reports a listener that the tenant has broken. */
void pool_note_damage(struct pool *p);

/* Notes why something failed, for `status`. */
void pool_note_error(struct pool *p, const char *text);

/* Writes the record for the next supervisor. */
int pool_store(const struct pool *p, struct err *err);

/* The same where a stale record only means that the next one adopts less. */
void pool_store_or_log(const struct pool *p);

#endif
