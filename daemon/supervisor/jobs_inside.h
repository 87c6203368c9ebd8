/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs.c, jobs_run.c and jobs_batch.c share, and nobody else sees. */
#ifndef DAEMON_SUPERVISOR_JOBS_INSIDE_H
#define DAEMON_SUPERVISOR_JOBS_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/supervisor/jobs.h"

struct job {
	uint64_t peer;
	int64_t began_ms;
	uint32_t number;		/* its tenant, once it is known */
	bool is_alone;			/* failed among others: alone it shows whose fault it was */
	size_t size;
	struct wire_head head;		/* a copy of the frame's */
	unsigned char frame[];
};

/* ---- jobs.c: the queue and the answers ---- */

/* Starts what comes next, from a clean stack. */
void jobs_next_turn(struct jobs *j);

/* The end of a job: ERR's code 0 is success, with a payload. */
void jobs_answer(struct jobs *j, struct job *job, const struct err *err, uint32_t flags,
		 const void *payload, size_t size);

/* Lets the running job go: the next one has its turn. */
struct job *jobs_leave(struct jobs *j);

/* The end of the running job, with the builder's payload. */
void jobs_finish(struct jobs *j, const struct err *err);

/* Does a job that runs no more again, from its beginning and by itself. */
void jobs_do_alone(struct jobs *j, struct job *job);

/* Whether a job of this verb stages files for nginx. */
bool jobs_is_staging(const struct job *job);

/* ---- jobs_run.c: one job ---- */

int jobs_start_build(struct jobs *j, struct job *job, struct err *err);

/* For those that the jobs own: the helpers, the timer, the trials. */
void jobs_on_step(void *owner, const struct wire_step *step);
void jobs_on_build_done(void *owner);
void jobs_on_settle_late(void *owner);
void jobs_on_trial_done(void *owner);

/* ---- jobs_batch.c: nginx ---- */

/* What the running job staged waits for nginx, with what others stage meanwhile. */
void jobs_wait_for_nginx(struct jobs *j);

/* Whether a job may come before nginx gets what is staged. */
bool jobs_may_join(const struct jobs *j, const struct job *job);

void jobs_start_nginx(struct jobs *j);
void jobs_on_nginx_done(void *owner);

#endif
