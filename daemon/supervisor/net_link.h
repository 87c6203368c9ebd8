/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-net and the links it makes.  A pool starts while its link is being
 * made, and starts without one where that fails: then the reason stands in the
 * site's status.  The kernel holds what there is, so a tenant-net that died is
 * started again and told which links belong to living pools.
 */
#ifndef DAEMON_SUPERVISOR_NET_LINK_H
#define DAEMON_SUPERVISOR_NET_LINK_H

#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/child.h"
#include "schema/wire.h"

struct generation;
struct pool;
struct pools;

struct net_link {
	struct place *place;
	struct pools *pools;
	struct child child;
	int sock;		/* -1 while tenant-net does not serve */
	struct loop_watch watch;
	struct loop_timer restart;
	struct backoff backoff;
	int64_t started_ms;
	bool is_stopping, is_adopting, is_reloading;
	bool is_clearing;	/* the child is there to remove what there was */
	bool is_ready;		/* it has loaded its table */
	char reason[REASON_MAX];	/* why it does not work; empty: it does */
	char note[REASON_MAX];	/* what else of the host is in the way */
	char lost[REASON_MAX];	/* who removed our rules last, since we started */
};

/* Starts tenant-net if the settings want it, and has removed what an earlier
 * one made if they no longer do.  Failures are noted and tried again later. */
void net_link_init(struct net_link *l, struct place *place, struct pools *pools);

/* All living pools are known: their links stay, others go. */
void net_link_adopted(struct net_link *l);

/* The settings have changed from BEFORE to what the place holds. */
void net_link_reload(struct net_link *l, const struct settings *before);

void net_link_stop(struct net_link *l);

/* Asks for the link of a generation that is about to start.  The jail's end of
 * what JAIL_FD_NET stands for, the caller's; -1: there will be none, and the pool
 * knows the reason. */
int net_link_want(struct net_link *l, struct pool *p, struct generation *g);

/* The generation has ended. */
void net_link_drop(struct net_link *l, struct pool *p, struct generation *g);

/* The tenant's spec may have changed: what it no longer allows ends now. */
void net_link_follow(struct net_link *l, struct pool *p);

/* The tenant is gone. */
void net_link_forget(struct net_link *l, uint32_t number);

/* For doctor: whether sites can get links, and what is in the way. */
void net_link_facts(const struct net_link *l, struct wire_machine *out);

#endif
