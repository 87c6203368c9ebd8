/* SPDX-License-Identifier: Apache-2.0 */
/* The queue and the phases of a change. */
#include "daemon/supervisor/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/peer.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/pool_check.h"
#include "schema/errors.h"
#include "schema/events.h"

#define BUILD_LIMIT_MS 60000
/* Homes that are too large for this go on vanishing at the next PURGE. */
#define PURGE_LIMIT_MS 20000
/* nginx -t and a reload take seconds each with ten thousand sites. */
#define NGINX_LIMIT_MS 120000
#define SETTLE_LIMIT_MS 10000

struct job {
	uint64_t peer;
	int64_t began_ms;
	size_t size;
	struct wire_head head;		/* a copy of the frame's */
	unsigned char frame[];
};

static struct job *running(const struct jobs *j)
{
	return j->phase == JOB_NONE ? NULL : j->queue[j->first];
}

/* The end of the running job: ERR's code 0 is success, with the builder's payload. */
static void finish(struct jobs *j, const struct err *err)
{
	struct job *job = running(j);
	struct wire_head head;
	const char *word = wire_verb_word(job->head.verb);
	long long ms = (long long)(loop_now_ms() - job->began_ms);

	loop_timer_stop(&j->place->loop, &j->settle);
	wire_head_init(&head, job->head.verb, job->head.serial, j->number);
	head.code = err->code;
	head.flags = WIRE_REPLY;
	if (err->code != 0) {
		log_event(JOB_FAILED, "verb=%s tenant=%u ms=%lld code=%s error='%s'", word,
			  j->number, ms, error_row(err->code)->name, err->text);
		peers_send(j->peers, job->peer, &head, err->text, strlen(err->text) + 1);
	} else {
		log_event(JOB_DONE, "verb=%s tenant=%u ms=%lld", word, j->number, ms);
		head.flags |= j->build.head.flags & WIRE_MORE;
		peers_send(j->peers, job->peer, &head, j->build.payload, j->build.head.size);
	}
	fault_point("tenantd.replied");
	j->queue[j->first] = NULL;
	j->first = (j->first + 1) % JOBS_MAX;
	j->count--;
	j->phase = JOB_NONE;
	free(job);
	loop_timer_set(&j->place->loop, &j->next, 1);
}

static void start_nginx(struct jobs *j)
{
	struct err err = { 0 };
	char revision[16];

	if (j->build.head.nginx_revision == 0) {
		finish(j, &err);
		return;
	}
	(void)str_format(revision, sizeof(revision), "%u", j->build.head.nginx_revision);
	CLOSE_AT_EXIT int settings = fd_sealed("settings", &j->place->settings,
					       sizeof(j->place->settings), &err);

	j->phase = JOB_NGINX;
	if (settings < 0 || helper_start(&j->nginx, "tenant-nginx", revision, &settings, 1,
					 NGINX_LIMIT_MS, &err) < 0)
		finish(j, &err);
}

static void on_nginx_done(void *owner)
{
	struct jobs *j = owner;
	struct err err = j->nginx.err;

	finish(j, &err);
}

/* True while processes live that the change has condemned. */
static bool is_settling(const struct jobs *j)
{
	const struct pool *p = pools_find(j->pools, j->number);

	return p && (p->is_gone || (p->spec.is_suspended && !pool_is_quiet(p)));
}

void jobs_on_change(void *owner)
{
	struct jobs *j = owner;

	if (j->phase == JOB_SETTLE && !is_settling(j)) {
		loop_timer_stop(&j->place->loop, &j->settle);
		start_nginx(j);
	}
}

static void on_settle_late(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };

	(void)err_set(&err, ERR_FAILED, "processes of tenant %u do not end although they were "
		      "killed; see /proc/PID/stack of those in its cgroup, then try again",
		      j->number);
	finish(j, &err);
}

static void on_step(void *owner, const struct wire_step *step)
{
	struct jobs *j = owner;
	const struct job *job = running(j);
	struct wire_head head;

	wire_head_init(&head, job->head.verb, job->head.serial, j->number);
	head.flags = WIRE_STEP;
	peers_send(j->peers, job->peer, &head, step, sizeof(*step));
}

static void tell_part(void *owner, const char *part, const struct err *result)
{
	struct wire_step step = { .code = result->code };

	(void)str_copy(step.name, sizeof(step.name), part);
	(void)str_format(step.text, sizeof(step.text), "%.*s", (int)sizeof(step.text) - 1,
			 result->code ? result->text : "");
	on_step(owner, &step);
}

static void tell_trial(struct jobs *j, uint32_t microseconds, const char *text)
{
	struct wire_step step = { .name = "php", .microseconds = microseconds };

	(void)str_format(step.text, sizeof(step.text), "%.*s", (int)sizeof(step.text) - 1, text);
	on_step(j, &step);
}

static void on_trial_done(void *owner)
{
	struct jobs *j = owner;
	struct err err = j->trial.err;

	fault_point("tenantd.tried");
	if (err.code == 0)
		tell_trial(j, j->trial.microseconds, "");
	finish(j, &err);
}

/* What could not be tried is not refused: only PHP knows. */
static void start_trial(struct jobs *j)
{
	size_t size = j->build.head.size;
	struct err err = { 0 };

	j->build.head.size = 0;		/* the record is for us */
	j->phase = JOB_TRIAL;
	if (trial_start(&j->trial, j->number, j->build.payload, size, &err) == 0)
		return;
	if (err.code == ERR_EXHAUSTED) {
		tell_trial(j, 0, err.text);
		err = (struct err){ 0 };
	}
	finish(j, &err);
}

static void on_build_done(void *owner)
{
	struct jobs *j = owner;
	const struct job *job = running(j);
	struct err err = j->build.err;

	fault_point("tenantd.built");
	if (err.code == 0 && j->number == 0)
		j->number = j->build.head.number;
	else if (err.code == 0 && j->build.head.number != j->number)
		(void)err_set(&err, ERR_BAD_RECORD, "tenant-build answered for tenant %u, not %u",
			      j->build.head.number, j->number);
	if (err.code == 0 && job->head.verb == WIRE_CHECK) {
		pool_check(j->pools, j->number, tell_part, j);
		finish(j, &err);
		return;
	}
	if (err.code == 0 && job->head.verb == WIRE_TRY) {
		start_trial(j);
		return;
	}
	/* The spec is what counts, whatever verb brought it about. */
	if (err.code != 0 || (j->number != 0 && pools_sync(j->pools, j->number, &err) < 0)) {
		finish(j, &err);
		return;
	}
	fault_point("tenantd.synced");
	j->phase = JOB_SETTLE;
	if (is_settling(j))
		loop_timer_set(&j->place->loop, &j->settle, SETTLE_LIMIT_MS);
	else
		start_nginx(j);
}

static int start_build(struct jobs *j, const struct job *job, struct err *err)
{
	CLOSE_AT_EXIT int frame = fd_sealed("job", job->frame, job->size, err);
	CLOSE_AT_EXIT int settings = frame < 0 ? -1 : fd_sealed("settings", &j->place->settings,
								sizeof(j->place->settings), err);

	if (settings < 0)
		return -1;
	return helper_start(&j->build, "tenant-build", NULL, (int[]){ frame, settings }, 2,
			    job->head.verb == WIRE_PURGE ? PURGE_LIMIT_MS : BUILD_LIMIT_MS, err);
}

static void start_next(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };

	if (j->phase != JOB_NONE || j->count == 0 || j->is_closed)
		return;
	j->phase = JOB_BUILD;
	struct job *job = running(j);

	job->began_ms = loop_now_ms();
	j->number = job->head.number;
	fault_point("tenantd.job");
	if (start_build(j, job, &err) < 0)
		finish(j, &err);
}

int jobs_add(struct jobs *j, uint64_t peer, const void *frame, size_t size, struct err *err)
{
	if (j->count >= JOBS_MAX || j->is_closed)
		return err_set(err, ERR_BUSY, "%zu changes are waiting; try again later",
			       j->count);
	struct job *job = malloc(sizeof(*job) + size);

	if (!job)
		return err_set(err, ERR_EXHAUSTED, "no memory for the change");
	*job = (struct job){ .peer = peer, .size = size };
	memcpy(job->frame, frame, size);
	memcpy(&job->head, frame, sizeof(job->head));
	j->queue[(j->first + j->count++) % JOBS_MAX] = job;
	if (j->phase == JOB_NONE)
		loop_timer_set(&j->place->loop, &j->next, 1);
	return 0;
}

void jobs_close(struct jobs *j)
{
	j->is_closed = true;
}

bool jobs_is_idle(const struct jobs *j)
{
	return j->phase == JOB_NONE;
}

void jobs_init(struct jobs *j, struct place *place, struct pools *pools, struct peers *peers)
{
	*j = (struct jobs){ .place = place, .pools = pools, .peers = peers,
			    .settle = { .on_time = on_settle_late, .owner = j },
			    .next = { .on_time = start_next, .owner = j } };
	helper_init(&j->build, place, on_step, on_build_done, j);
	helper_init(&j->nginx, place, on_step, on_nginx_done, j);
	trial_init(&j->trial, pools, on_trial_done, j);
	pools->on_change = jobs_on_change;
	pools->owner = j;
}
