/* SPDX-License-Identifier: Apache-2.0 */
/* What is staged, and the one run of tenant-nginx that puts it into use. */
#include "daemon/supervisor/jobs_inside.h"

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "schema/events.h"

/* nginx -t and a reload take seconds each with ten thousand sites. */
#define NGINX_LIMIT_MS 120000

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
		if (is_again)		/* the first is first again */
			jobs_do_alone(j, j->batch[count - 1 - i]);
		else
			jobs_answer(j, j->batch[i], err, 0, NULL, 0);
	}
	jobs_next_turn(j);
}

void jobs_start_nginx(struct jobs *j)
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

void jobs_on_nginx_done(void *owner)
{
	struct jobs *j = owner;
	struct err err = j->nginx.err;

	end_batch(j, &err);
}

void jobs_wait_for_nginx(struct jobs *j)
{
	if (j->build.head.nginx_revision == 0) {
		jobs_finish(j, &(struct err){ 0 });
		return;
	}
	j->revision = j->build.head.nginx_revision;
	j->batch[j->batched++] = jobs_leave(j);
	fault_point("tenantd.staged");
}

bool jobs_may_join(const struct jobs *j, const struct job *job)
{
	return j->batched < JOBS_BATCH && !j->batch[0]->is_alone && !job->is_alone &&
	       (jobs_is_staging(job) || job->head.verb == WIRE_ISSUE);
}
