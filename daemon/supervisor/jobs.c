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
	uint32_t number;		/* its tenant, once it is known */
	bool is_alone;			/* failed among others: alone it shows whose fault it was */
	size_t size;
	struct wire_head head;		/* a copy of the frame's */
	unsigned char frame[];
};

static void next_turn(struct jobs *j)
{
	loop_timer_set(&j->place->loop, &j->next, 1);
}

static void put_first(struct jobs *j, struct job *job)
{
	j->first = (j->first + JOBS_MAX - 1) % JOBS_MAX;
	j->queue[j->first] = job;
	j->count++;
}

static struct job *take_first(struct jobs *j)
{
	struct job *job = j->queue[j->first];

	j->queue[j->first] = NULL;
	j->first = (j->first + 1) % JOBS_MAX;
	j->count--;
	return job;
}

/* The end of a job: ERR's code 0 is success, with a payload. */
static void answer(struct jobs *j, struct job *job, const struct err *err, uint32_t flags,
		   const void *payload, size_t size)
{
	struct wire_head head;
	const char *word = wire_verb_word(job->head.verb);
	long long ms = (long long)(loop_now_ms() - job->began_ms);

	wire_head_init(&head, job->head.verb, job->head.serial, job->number);
	head.code = err->code;
	head.flags = WIRE_REPLY | flags;
	if (err->code != 0) {
		log_event(JOB_FAILED, "verb=%s tenant=%u ms=%lld code=%s error='%s'", word,
			  job->number, ms, error_row(err->code)->name, err->text);
		peers_send(j->peers, job->peer, &head, err->text, strlen(err->text) + 1);
	} else {
		log_event(JOB_DONE, "verb=%s tenant=%u ms=%lld", word, job->number, ms);
		peers_send(j->peers, job->peer, &head, payload, size);
	}
	fault_point("tenantd.replied");
	free(job);
}

/* Lets the running job go: the next one has its turn. */
static struct job *leave(struct jobs *j)
{
	struct job *job = j->job;

	loop_timer_stop(&j->place->loop, &j->settle);
	j->job = NULL;
	j->phase = JOB_NONE;
	next_turn(j);
	return job;
}

/* The end of the running job, with the builder's payload. */
static void finish(struct jobs *j, const struct err *err)
{
	answer(j, leave(j), err, err->code ? 0 : j->build.head.flags & WIRE_MORE,
	       j->build.payload, j->build.head.size);
}

/* Does the running job again, from its beginning and by itself. */
static void do_alone(struct jobs *j, struct job *job)
{
	job->is_alone = true;
	put_first(j, job);
}

/* Whether a job of this verb stages files for nginx. */
static bool is_staging(const struct job *job)
{
	return job->head.verb == WIRE_APPLY || job->head.verb == WIRE_REMOVE;
}

/* ---- nginx ---- */

/* If nginx, or its test, takes not all of them together, the good ones get through alone. */
static void end_batch(struct jobs *j, const struct err *err)
{
	size_t count = j->batched;
	/* One by itself, too, where its tree may be wrong by another's fault. */
	bool is_again = err->code != 0 && (count > 1 || j->is_spoiled);

	j->batched = 0;
	j->revision = 0;
	j->is_spoiled = false;
	j->phase = JOB_NONE;
	if (is_again)
		log_event(JOB_FAILED, "what=nginx changes=%zu error='%s'", count, err->text);
	for (size_t i = 0; i < count; i++) {
		if (is_again)
			do_alone(j, j->batch[count - 1 - i]);	/* the first is first again */
		else
			answer(j, j->batch[i], err, 0, NULL, 0);
	}
	next_turn(j);
}

static void start_nginx(struct jobs *j)
{
	struct err err = { 0 };
	char revision[16];

	(void)str_format(revision, sizeof(revision), "%u", j->revision);
	CLOSE_AT_EXIT int settings = fd_sealed("settings", &j->place->settings,
					       sizeof(j->place->settings), &err);

	j->phase = JOB_NGINX;
	if (settings < 0 || helper_start(&j->nginx, "tenant-nginx", revision, &settings, 1,
					 NGINX_LIMIT_MS, &err) < 0)
		end_batch(j, &err);
}

static void on_nginx_done(void *owner)
{
	struct jobs *j = owner;
	struct err err = j->nginx.err;

	end_batch(j, &err);
}

/* What the running job staged waits for nginx, with what others stage meanwhile. */
static void wait_for_nginx(struct jobs *j)
{
	if (j->build.head.nginx_revision == 0) {
		finish(j, &(struct err){ 0 });
		return;
	}
	j->revision = j->build.head.nginx_revision;
	j->batch[j->batched++] = leave(j);
	fault_point("tenantd.staged");
}

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
		wait_for_nginx(j);
}

static void on_settle_late(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };

	(void)err_set(&err, ERR_FAILED, "processes of tenant %u do not end although they were "
		      "killed; see /proc/PID/stack of those in its cgroup, then try again",
		      j->job->number);
	j->is_spoiled = j->batched > 0;		/* its files lie in the others' tree */
	finish(j, &err);
}

/* ---- the builder ---- */

static void tell_step(struct jobs *j, const struct job *job, const struct wire_step *step)
{
	struct wire_head head;

	wire_head_init(&head, job->head.verb, job->head.serial, job->number);
	head.flags = WIRE_STEP;
	peers_send(j->peers, job->peer, &head, step, sizeof(*step));
}

static void on_step(void *owner, const struct wire_step *step)
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
	on_step(owner, &step);
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
		slot->job = leave(j);
		return;
	}
	if (err.code == ERR_EXHAUSTED) {
		tell_trial(j, j->job, 0, err.text);
		err = (struct err){ 0 };
	}
	answer(j, leave(j), &err, 0, NULL, 0);
}

static void on_trial_done(void *owner)
{
	struct jobs_trial *slot = owner;
	struct jobs *j = slot->jobs;
	struct job *job = slot->job;

	slot->job = NULL;
	fault_point("tenantd.tried");
	if (slot->trial.err.code == 0)
		tell_trial(j, job, slot->trial.microseconds, "");
	answer(j, job, &slot->trial.err, 0, NULL, 0);
	if (j->phase == JOB_TRIAL)
		start_trial(j);
}

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

static void on_build_done(void *owner)
{
	struct jobs *j = owner;
	struct job *job = j->job;
	struct err err = { 0 };

	fault_point("tenantd.built");
	if (take_over(j, job, &err) < 0) {
		if (j->batched > 0 && is_staging(job)) {
			j->is_spoiled = true;
			do_alone(j, leave(j));
		} else {
			finish(j, &err);
		}
		return;
	}
	if (job->head.verb == WIRE_TRY) {
		start_trial(j);
		return;
	}
	fault_point("tenantd.synced");
	if (!is_staging(job)) {
		finish(j, &err);
		return;
	}
	j->phase = JOB_SETTLE;
	if (is_settling(j))
		loop_timer_set(&j->place->loop, &j->settle, SETTLE_LIMIT_MS);
	else
		wait_for_nginx(j);
}

static int start_build(struct jobs *j, struct job *job, struct err *err)
{
	struct wire_head head = job->head;

	head.nginx_revision = is_staging(job) ? j->revision : 0;
	memcpy(job->frame, &head, sizeof(head));
	CLOSE_AT_EXIT int frame = fd_sealed("job", job->frame, job->size, err);
	CLOSE_AT_EXIT int settings = frame < 0 ? -1 : fd_sealed("settings", &j->place->settings,
								sizeof(j->place->settings), err);

	if (settings < 0)
		return -1;
	return helper_start(&j->build, "tenant-build", NULL, (int[]){ frame, settings }, 2,
			    job->head.verb == WIRE_PURGE ? PURGE_LIMIT_MS : BUILD_LIMIT_MS, err);
}

/* ---- whose turn it is ---- */

/* Whether a job may come before nginx gets what is staged. */
static bool may_join(const struct jobs *j, const struct job *job)
{
	return j->batched < JOBS_BATCH && !j->batch[0]->is_alone && !job->is_alone &&
	       (is_staging(job) || job->head.verb == WIRE_ISSUE);
}

static void start_next(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };
	struct job *job = j->count > 0 && !j->is_closed ? j->queue[j->first] : NULL;

	if (j->phase != JOB_NONE)
		return;
	if (j->batched > 0 && (!job || !may_join(j, job))) {
		start_nginx(j);
		return;
	}
	if (!job)
		return;
	j->job = take_first(j);
	j->phase = JOB_BUILD;
	job->began_ms = loop_now_ms();
	job->number = job->head.number;
	fault_point("tenantd.job");
	if (start_build(j, job, &err) < 0)
		finish(j, &err);
}

int jobs_add(struct jobs *j, uint64_t peer, const void *frame, size_t size, struct err *err)
{
	size_t all = j->count + j->batched + (j->job != NULL);

	if (all >= JOBS_MAX || j->is_closed)
		return err_set(err, ERR_BUSY, "%zu changes are waiting; try again later", all);
	struct job *job = malloc(sizeof(*job) + size);

	if (!job)
		return err_set(err, ERR_EXHAUSTED, "no memory for the change");
	*job = (struct job){ .peer = peer, .size = size };
	memcpy(job->frame, frame, size);
	memcpy(&job->head, frame, sizeof(job->head));
	j->queue[(j->first + j->count++) % JOBS_MAX] = job;
	if (j->phase == JOB_NONE)
		next_turn(j);
	return 0;
}

void jobs_close(struct jobs *j)
{
	j->is_closed = true;
}

bool jobs_is_idle(const struct jobs *j)
{
	return j->phase == JOB_NONE && j->batched == 0;
}

void jobs_init(struct jobs *j, struct place *place, struct pools *pools, struct peers *peers)
{
	*j = (struct jobs){ .place = place, .pools = pools, .peers = peers,
			    .settle = { .on_time = on_settle_late, .owner = j },
			    .next = { .on_time = start_next, .owner = j } };
	helper_init(&j->build, place, on_step, on_build_done, j);
	helper_init(&j->nginx, place, on_step, on_nginx_done, j);
	for (size_t i = 0; i < JOBS_TRIALS; i++) {
		j->trial[i].jobs = j;
		trial_init(&j->trial[i].trial, pools, on_trial_done, &j->trial[i]);
	}
	pools->on_change = jobs_on_change;
	pools->owner = j;
}
