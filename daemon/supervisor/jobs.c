/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of the changes: whose turn it is, and what is answered. */
#include "daemon/supervisor/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "daemon/supervisor/jobs_inside.h"
#include "daemon/supervisor/peer.h"
#include "daemon/supervisor/pool.h"
#include "schema/errors.h"
#include "schema/events.h"

void jobs_next_turn(struct jobs *j)
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

void jobs_answer(struct jobs *j, struct job *job, const struct err *err, uint32_t flags,
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

struct job *jobs_leave(struct jobs *j)
{
	struct job *job = j->job;

	loop_timer_stop(&j->place->loop, &j->settle);
	j->job = NULL;
	j->phase = JOB_NONE;
	jobs_next_turn(j);
	return job;
}

void jobs_finish(struct jobs *j, const struct err *err)
{
	jobs_answer(j, jobs_leave(j), err, err->code ? 0 : j->build.head.flags & WIRE_MORE,
		    j->build.payload, j->build.head.size);
}

void jobs_do_alone(struct jobs *j, struct job *job)
{
	job->is_alone = true;
	put_first(j, job);
}

bool jobs_is_staging(const struct job *job)
{
	return job->head.verb == WIRE_APPLY || job->head.verb == WIRE_REMOVE;
}

/* ---- whose turn it is ---- */

static void start_next(void *owner)
{
	struct jobs *j = owner;
	struct err err = { 0 };
	struct job *job = j->count > 0 && !j->is_closed ? j->queue[j->first] : NULL;

	if (j->phase != JOB_NONE)
		return;
	if (j->batched > 0 && (!job || !jobs_may_join(j, job))) {
		jobs_start_nginx(j);
		return;
	}
	if (!job)
		return;
	j->job = take_first(j);
	j->phase = JOB_BUILD;
	job->began_ms = loop_now_ms();
	job->number = job->head.number;
	fault_point("tenantd.job");
	if (jobs_start_build(j, job, &err) < 0)
		jobs_finish(j, &err);
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
		jobs_next_turn(j);
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
			    .settle = { .on_time = jobs_on_settle_late, .owner = j },
			    .next = { .on_time = start_next, .owner = j } };
	helper_init(&j->build, place, jobs_on_step, jobs_on_build_done, j);
	helper_init(&j->nginx, place, jobs_on_step, jobs_on_nginx_done, j);
	for (size_t i = 0; i < JOBS_TRIALS; i++) {
		j->trial[i].jobs = j;
		trial_init(&j->trial[i].trial, pools, jobs_on_trial_done, &j->trial[i]);
	}
	pools->on_change = jobs_on_change;
	pools->owner = j;
}
