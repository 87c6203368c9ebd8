/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that an administrator runs inside a tenant's cage: a jail of their
 * own by the tenant's own spec, in the tenant's group, with the same filters,
 * and only where that spec allows programs.  Whoever asked holds the other ends
 * of three pipes and of a channel; when the channel hangs up, the command dies.
 * A supervisor that is replaced takes its commands along.
 */
#ifndef DAEMON_SUPERVISOR_EXEC_H
#define DAEMON_SUPERVISOR_EXEC_H

#include "daemon/supervisor/pool.h"
#include "schema/wire.h"

#define EXECS_MAX 8
#define EXECS_PER_TENANT 2
#define EXEC_FDS 4		/* standard input, output, error, channel: the caller's ends */

struct exec {
	struct execs *execs;
	uint32_t number, generation;	/* 0: this slot is free */
	int pidfd, report, channel;
	bool is_late, is_forbidden;
	struct loop_watch end_watch, channel_watch;
	struct loop_timer deadline;
};

struct execs {
	struct pools *pools;
	struct exec slot[EXECS_MAX];
};

/* Also tells POOLS of it. */
void execs_init(struct execs *es, struct pools *pools);

/* Starts a checked command.  FDS become the caller's.  ERR_POLICY where programs
 * are not allowed, ERR_CONFLICT for a suspended tenant, ERR_BUSY. */
int exec_start(struct execs *es, uint32_t number, const struct wire_exec *what,
	       int fds[EXEC_FDS], struct err *err);

/* Kills the tenant's commands; ES may be NULL. */
void exec_forbid(struct execs *es, uint32_t number);

/* True if a command of the tenant lives; of this generation, unless it is 0. */
bool exec_is_living(const struct execs *es, uint32_t number, uint32_t generation);

#endif
