/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-log and what it reads.  The output of a pool goes into named pipes,
 * RUN_DIR/pool/N/log and others, that pool and tenant-log hold open for both
 * directions: the death of either loses nothing that a pipe holds.  A tenant is
 * attached while it has processes.  What comes back are the calls for which the
 * kernel ended tenants' processes.
 */
#ifndef DAEMON_SUPERVISOR_LOG_LINK_H
#define DAEMON_SUPERVISOR_LOG_LINK_H

#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/child.h"
#include "schema/log_wire.h"

struct pools;

struct log_link {
	struct place *place;
	struct pools *pools;
	struct child child;
	int sock;		/* -1 while tenant-log does not run */
	struct loop_watch watch;
	struct loop_timer restart;
	struct backoff backoff;
	int64_t started_ms;
	bool is_stopping;
	bool is_counting;	/* violations: this machine tells of them */
	int64_t second_ms;	/* begin of the second in which so many messages came back */
	unsigned messages;
	struct loop_timer look;		/* the next three are visits.c's */
	bool is_stream_sent;
	ino_t stream;			/* nginx's log that was sent */
};

/* Starts tenant-log; a failure is logged and tried again later. */
void log_link_init(struct log_link *l, struct place *place, struct pools *pools);

/* Brings tenant-log up to date with what the pools want. */
void log_link_sync(struct log_link *l);

/* Asks it to end, once and for all; it copies what is there first. */
void log_link_stop(struct log_link *l);

/* Gives it freshly opened log files, after they were rotated. */
void log_link_reopen(struct log_link *l);

/* Opens one of the tenant's pipes, made if needed.  The caller's, not blocking. */
int log_link_pipe(const struct place *p, uint32_t number, enum log_which which, struct err *err);

/* Opens LOG_DIR/SITE/NAME for appending, made if needed: root's, readable by those who may
 * read logs.  The caller's. */
int log_link_file(const struct place *p, const char *site, const char *name, struct err *err);

/* Removes the pipe of the tenant's mail log; those of its pool lie in the pool's folder. */
void log_link_forget(const struct place *p, uint32_t number);

#endif
