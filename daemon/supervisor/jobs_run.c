/* SPDX-License-Identifier: Apache-2.0 */
/* One change: tenant-build, what PHP tries, and the supervisor's share. */
#include "daemon/supervisor/jobs_inside.h"

#include <string.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/supervisor/peer.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/pool_check.h"
#include "schema/errors.h"

#define BUILD_LIMIT_MS 60000
/* Homes that are too large for this go on vanishing at the next PURGE. */
#define PURGE_LIMIT_MS 20000
#define SETTLE_LIMIT_MS 10000

/* ---- the supervisor's share ---- */

/* True while processes live that the change has condemned. */
static bool is_settling(const struct jobs *j)
{
	const struct pool *p = pools_find(j->pools, j->job->number);

	return p && (p->is_gone || (p->spec.is_suspended && !pool_is_quiet(p)));
}

void jobs_on_change(void *owner)
{
	struct jobs *j = owner;

	if (j->phase == JOB_SETTLE && !is_settling(j))
		jobs_wait_for_nginx(j);
}

void jobs_on_settle_late(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };

	(void)err_set(&err, ERR_FAILED, "processes of tenant %u do not end although they were "
		      "killed; see /proc/PID/stack of those in its cgroup, then try again",
		      j->job->number);
	j->is_spoiled = j->batched > 0;		/* its files lie in the others' tree */
	jobs_finish(j, &err);
}

/* ---- what is told meanwhile ---- */

static void tell_step(struct jobs *j, const struct job *job, const struct wire_step *step)
{
	struct wire_head head;

	wire_head_init(&head, job->head.verb, job->head.serial, job->number);
	head.flags = WIRE_STEP;
	peers_send(j->peers, job->peer, &head, step, sizeof(*step));
}

void jobs_on_step(void *owner, const struct wire_step *step)
{
	struct jobs *j = owner;

	if (j->job && !j->job->is_alone)	/* else it has told its steps */
		tell_step(j, j->job, step);
}

static void tell_part(void *owner, const char *part, const struct err *result)
{
	struct wire_step step = { .code = result->code };

	(void)str_copy(step.name, sizeof(step.name), part);
	(void)str_format(step.text, sizeof(step.text), "%.*s", (int)sizeof(step.text) - 1,
			 result->code ? result->text : "");
	jobs_on_step(owner, &step);
}

/* ---- what PHP tries ---- */

static void tell_trial(struct jobs *j, const struct job *job, uint32_t microseconds,
		       const char *text)
{
	struct wire_step step = { .name = "php", .microseconds = microseconds };

	(void)str_format(step.text, sizeof(step.text), "%.*s", (int)sizeof(step.text) - 1, text);
	tell_step(j, job, &step);
}

/* Nobody else's change waits for a script that does not end, unless all slots do.  What
 * could not be tried is not refused: only PHP knows. */
static void start_trial(struct jobs *j)
{
	struct jobs_trial *slot = NULL;
	struct err err = { 0 };

	for (size_t i = 0; i < JOBS_TRIALS; i++)
		if (!j->trial[i].job)
			slot = &j->trial[i];
	if (!slot) {
		j->phase = JOB_TRIAL;
		return;
	}
	if (trial_start(&slot->trial, j->job->number, j->build.payload, j->build.head.size,
			&err) == 0) {
		slot->job = jobs_leave(j);
		return;
	}
	if (err.code == ERR_EXHAUSTED) {
		tell_trial(j, j->job, 0, err.text);
		err = (struct err){ 0 };
	}
	jobs_answer(j, jobs_leave(j), &err, 0, NULL, 0);
}

void jobs_on_trial_done(void *owner)
{
	struct jobs_trial *slot = owner;
	struct jobs *j = slot->jobs;
	struct job *job = slot->job;

	slot->job = NULL;
	fault_point("tenantd.tried");
	if (slot->trial.err.code == 0)
		tell_trial(j, job, slot->trial.microseconds, "");
	jobs_answer(j, job, &slot->trial.err, 0, NULL, 0);
	if (j->phase == JOB_TRIAL)
		start_trial(j);
}

/* ---- the builder ---- */

/* What the builder brought about becomes the supervisor's.  The spec is what counts,
 * whatever verb it was. */
static int take_over(struct jobs *j, struct job *job, struct err *err)
{
	*err = j->build.err;
	if (err->code == 0 && job->number == 0)
		job->number = j->build.head.number;
	else if (err->code == 0 && j->build.head.number != job->number)
		(void)err_set(err, ERR_BAD_RECORD, "tenant-build answered for tenant %u, not %u",
			      j->build.head.number, job->number);
	if (err->code != 0)
		return -1;
	if (job->head.verb == WIRE_TRY)
		return 0;	/* changes nothing */
	if (job->head.verb == WIRE_CHECK) {
		pool_check(j->pools, job->number, tell_part, j);
		return 0;
	}
	return job->number != 0 ? pools_sync(j->pools, job->number, err) : 0;
}

void jobs_on_build_done(void *owner)
{
	struct jobs *j = owner;
	struct job *job = j->job;
	struct err err = { 0 };

	fault_point("tenantd.built");
	if (take_over(j, job, &err) < 0) {
		if (j->batched > 0 && jobs_is_staging(job)) {
			j->is_spoiled = true;
			jobs_do_alone(j, jobs_leave(j));
		} else {
			jobs_finish(j, &err);
		}
		return;
	}
	if (job->head.verb == WIRE_TRY) {
		start_trial(j);
		return;
	}
	fault_point("tenantd.synced");
	if (!jobs_is_staging(job)) {
		jobs_finish(j, &err);
		return;
	}
	j->phase = JOB_SETTLE;
	if (is_settling(j))
		loop_timer_set(&j->place->loop, &j->settle, SETTLE_LIMIT_MS);
	else
		jobs_wait_for_nginx(j);
}

int jobs_start_build(struct jobs *j, struct job *job, struct err *err)
{
	struct wire_head head = job->head;

	head.nginx_revision = jobs_is_staging(job) ? j->revision : 0;
	memcpy(job->frame, &head, sizeof(head));
	CLOSE_AT_EXIT int frame = fd_sealed("job", job->frame, job->size, err);
	CLOSE_AT_EXIT int settings = frame < 0 ? -1 : fd_sealed("settings", &j->place->settings,
								sizeof(j->place->settings), err);

	if (settings < 0)
		return -1;
	return helper_start(&j->build, "tenant-build", NULL, (int[]){ frame, settings }, 2,
			    job->head.verb == WIRE_PURGE ? PURGE_LIMIT_MS : BUILD_LIMIT_MS, err);
}
