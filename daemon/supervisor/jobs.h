/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes, one at a time, in the order in which they came: tenant-build, then
 * what the supervisor itself has to do, then tenant-nginx, then the reply.  A
 * job goes on when its peer has gone.  One that fails, hangs or dies does not
 * keep the next from its turn.
 *
 * nginx reads all sites again for whatever was staged.  So changes that wait
 * already are staged on top of each other, and one run of tenant-nginx puts all
 * of them into use.  Where that fails each of them is done again by itself, and
 * only the one whose fault it was is refused.
 */
#ifndef DAEMON_SUPERVISOR_JOBS_H
#define DAEMON_SUPERVISOR_JOBS_H

#include "daemon/supervisor/helper.h"
#include "daemon/supervisor/trial.h"

#define JOBS_MAX 256
#define JOBS_TRIALS 4	/* at a time */
#define JOBS_BATCH 16	/* changes for one reload: the first one waits for the last */

struct job;
struct peers;
struct pools;

enum job_phase {
	JOB_NONE,		/* nothing runs */
	JOB_BUILD,		/* tenant-build */
	JOB_TRIAL,		/* waits until one of those that PHP tries has ended */
	JOB_SETTLE,		/* processes of a stopped tenant are ending */
	JOB_NGINX,		/* tenant-nginx */
};

/* A job that PHP tries: it changes nothing, so others have their turn meanwhile. */
struct jobs_trial {
	struct jobs *jobs;
	struct job *job;	/* NULL: this slot is free */
	struct trial trial;
};

struct jobs {
	struct place *place;
	struct pools *pools;
	struct peers *peers;
	struct job *queue[JOBS_MAX];	/* a ring of those that wait for their turn */
	size_t first, count;
	struct job *job;		/* in JOB_BUILD and JOB_SETTLE */
	struct job *batch[JOBS_BATCH];	/* staged, wait for nginx */
	size_t batched;
	uint32_t revision;		/* of the tree in which they are staged; 0: none is */
	bool is_spoiled;		/* one that was to join them may have changed that tree */
	enum job_phase phase;
	bool is_closed;			/* no more are started */
	struct helper build, nginx;
	struct jobs_trial trial[JOBS_TRIALS];
	struct loop_timer settle;	/* limits JOB_SETTLE */
	struct loop_timer next;		/* starts the next job from a clean stack */
};

void jobs_init(struct jobs *j, struct place *place, struct pools *pools, struct peers *peers);

/* Takes a copy of a request that was checked.  ERR_BUSY when the queue is full. */
int jobs_add(struct jobs *j, uint64_t peer, const void *frame, size_t size, struct err *err);

/* Lets the running job end and starts no other. */
void jobs_close(struct jobs *j);

bool jobs_is_idle(const struct jobs *j);

/* Looks again whether the processes of the job's tenant have gone. */
void jobs_on_change(void *owner);

#endif
