/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the builder. */
#include "tenants/build_job.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/facets/facet.h"
#include "tenants/home_kept.h"
#include "tenants/ledger.h"
#include "tenants/php_versions.h"

_Static_assert(sizeof(struct jail_spec) <= WIRE_FRAME_MAX - sizeof(struct wire_head),
	       "a spec fits a frame");

struct job {
	const struct settings *settings;
	struct wire_head head;		/* of the request */
	struct ledger ledger;
	struct facet_run run;
	int out;
};

/* ---- replies ---- */

static int send_frame(const struct job *job, struct wire_head *reply, const void *payload,
		      size_t size, struct err *err)
{
	static unsigned char frame[WIRE_FRAME_MAX];

	reply->size = (uint32_t)size;
	memcpy(frame, reply, sizeof(*reply));
	if (size > 0)
		memcpy(frame + sizeof(*reply), payload, size);
	if (fd_send(job->out, frame, sizeof(*reply) + size, NULL, 0) < 0)
		return err_sys(err, "send the reply");
	return 0;
}

static struct wire_head reply_head(const struct job *job, uint32_t number)
{
	struct wire_head h;

	wire_head_init(&h, job->head.verb, job->head.serial, number);
	h.flags = WIRE_REPLY;
	return h;
}

static void report_step(void *arg, const char *name, uint32_t microseconds,
			const struct err *result)
{
	const struct job *job = arg;
	struct wire_step step = { .microseconds = microseconds, .code = result->code };
	struct wire_head h = reply_head(job, job->head.number);
	struct err err = { 0 };

	h.flags = WIRE_STEP;
	(void)str_copy(step.name, sizeof(step.name), name);
	(void)str_format(step.text, sizeof(step.text), "%.*s", (int)sizeof(step.text) - 1,
			 result->code ? result->text : "");
	/* Only for show: the job goes on if nobody looks. */
	(void)send_frame(job, &h, &step, sizeof(step), &err);
}

static int reply_done(const struct job *job, uint32_t number, uint32_t revision, struct err *err)
{
	struct wire_head h = reply_head(job, number);

	h.nginx_revision = revision;
	return send_frame(job, &h, NULL, 0, err);
}

static int reply_failed(const struct job *job, const struct err *why)
{
	struct wire_head h = reply_head(job, job->head.number);
	struct err err = { 0 };

	h.code = why->code;
	return send_frame(job, &h, why->text, strlen(why->text) + 1, &err);
}

/* ---- verbs ---- */

static void begin_run(struct job *job, const struct wire_tenant *t,
		      const struct ledger_record *r)
{
	job->run = (struct facet_run){ .settings = job->settings, .tenant = t,
				       .ledger = &job->ledger, .number = job->head.number,
				       .base_revision = job->head.nginx_revision,
				       .uid = (uid_t)(job->settings->uid_base + job->head.number),
				       .is_new = r->state == LEDGER_ISSUED };
}

/* The record of the number in the head, which must be the tenant's. */
static int load_own(const struct job *job, const struct wire_tenant *t,
		    struct ledger_record *out, struct err *err)
{
	if (ledger_load(&job->ledger, job->head.number, out, err) < 0)
		return -1;
	if (strcmp(out->site, t->site) != 0 && !mutant_is_off("number-owner"))
		return err_set(err, ERR_CONFLICT, "number %u is site '%s', not '%s'",
			       job->head.number, out->site, t->site);
	return 0;
}

static int do_issue(struct job *job, const struct wire_tenant *t, struct err *err)
{
	uint32_t number = 0;

	if (build_check_policy(job->settings, t, err) < 0 ||
	    php_check(job->settings, &t->options, err) < 0 ||
	    ledger_issue(&job->ledger, t, job->settings->tenants_max, job->settings->uid_base,
			 &number, err) < 0)
		return -1;
	return reply_done(job, number, 0, err);
}

/* What must be right before the tenant becomes as described. */
static int begin_apply(struct job *job, const struct wire_tenant *t, struct ledger_record *out,
		       struct err *err)
{
	if (build_check_policy(job->settings, t, err) < 0 || load_own(job, t, out, err) < 0)
		return -1;
	if (out->state == LEDGER_REMOVED && !mutant_is_off("number-retired"))
		return err_set(err, ERR_CONFLICT, "number %u of '%s' is retired; it needs a "
			       "new one", job->head.number, t->site);
	begin_run(job, t, out);
	return spec_check_move(&job->run, err);
}

/* The record goes to the supervisor and not to the disk. */
static int do_try(struct job *job, const struct wire_tenant *t, struct err *err)
{
	static struct jail_spec spec;
	struct wire_head h = reply_head(job, job->head.number);
	struct ledger_record r;

	if (begin_apply(job, t, &r, err) < 0)
		return -1;
	if (r.state != LEDGER_BUILT)
		return err_set(err, ERR_CONFLICT, "nothing of '%s' stands yet to try it in",
			       t->site);
	if (spec_fill(&job->run, &spec, err) < 0)
		return -1;
	return send_frame(job, &h, &spec, sizeof(spec), err);
}

static int do_apply(struct job *job, const struct wire_tenant *t, struct err *err)
{
	struct ledger_record r;

	if (begin_apply(job, t, &r, err) < 0 ||
	    facets_apply(&job->run, report_step, job, err) < 0)
		return -1;
	return reply_done(job, job->head.number, job->run.nginx_revision, err);
}

static int do_check(struct job *job, const struct wire_tenant *t, struct err *err)
{
	struct ledger_record r;

	if (load_own(job, t, &r, err) < 0)
		return -1;
	begin_run(job, t, &r);
	(void)facets_check(&job->run, report_step, job);	/* the steps tell */
	return reply_done(job, job->head.number, 0, err);
}

static int do_remove(struct job *job, const struct wire_tenant *t, struct err *err)
{
	struct ledger_record r;
	uint32_t holder = 0;

	if (load_own(job, t, &r, err) < 0 ||
	    ledger_holder(&job->ledger, t->site, &holder, err) < 0)
		return -1;
	/* Before anything is touched.  What never stood, or is gone already, is nobody's loss. */
	if (r.state == LEDGER_BUILT &&
	    build_check_removals(job->settings, &job->ledger, (int64_t)time(NULL), err) < 0)
		return -1;
	begin_run(job, t, &r);
	job->run.owns_site = holder == job->head.number;
	if (facets_remove(&job->run, report_step, job, err) < 0)
		return -1;
	return reply_done(job, job->head.number, job->run.nginx_revision, err);
}

static int do_restore(struct job *job, const struct wire_tenant *t, struct err *err)
{
	if (build_check_policy(job->settings, t, err) < 0 ||
	    home_kept_restore(job->settings, &job->ledger, job->head.number, t, err) < 0)
		return -1;
	return reply_done(job, job->head.number, 0, err);
}

static int do_ledger(struct job *job, const struct wire_page *page, struct err *err)
{
	static struct wire_ledger_row rows[WIRE_LEDGER_ROWS];
	struct wire_head h = reply_head(job, 0);
	uint32_t count = 0;
	bool more = false;

	if (ledger_page(&job->ledger, page->after, rows, WIRE_LEDGER_ROWS, &count, &more, err) < 0)
		return -1;
	if (more)
		h.flags |= WIRE_MORE;
	return send_frame(job, &h, rows, count * sizeof(rows[0]), err);
}

static int do_purge(struct job *job, struct err *err)
{
	if (home_kept_purge(job->settings, &job->ledger, (int64_t)time(NULL), err) < 0)
		return -1;
	return reply_done(job, 0, 0, err);
}

static int dispatch(struct job *job, const void *payload, struct err *err)
{
	static struct wire_tenant t;
	struct wire_page page;

	switch (job->head.verb) {
	case WIRE_PURGE:
		return do_purge(job, err);
	case WIRE_LEDGER:
		memcpy(&page, payload, sizeof(page));
		return do_ledger(job, &page, err);
	default:
		break;
	}
	memcpy(&t, payload, sizeof(t));
	/* A tenant made under other ranges than today's can still go. */
	if (job->head.verb == WIRE_REMOVE)
		options_default(&t.options);
	if (wire_tenant_check(&t, err) < 0)
		return -1;
	switch (job->head.verb) {
	case WIRE_ISSUE:
		return do_issue(job, &t, err);
	case WIRE_APPLY:
		return do_apply(job, &t, err);
	case WIRE_TRY:
		return do_try(job, &t, err);
	case WIRE_CHECK:
		return do_check(job, &t, err);
	case WIRE_REMOVE:
		return do_remove(job, &t, err);
	case WIRE_RESTORE:
		return do_restore(job, &t, err);
	default:
		return err_set(err, ERR_BAD_RECORD, "verb %u is not for tenant-build",
			       job->head.verb);
	}
}

static int check_frame(const struct wire_head *h, size_t size, struct err *err)
{
	if (!wire_verb_is_build(h->verb) ||
	    size != sizeof(*h) + (size_t)wire_verb_size(h->verb))
		return err_set(err, ERR_BAD_RECORD, "a job of verb %u with %zu bytes", h->verb,
			       size);
	return 0;
}

int build_job(const struct settings *s, const void *frame, size_t size, int out,
	      struct err *err)
{
	struct job job = { .settings = s, .ledger = LEDGER_CLOSED, .out = out };

	if (wire_check(frame, size, err) < 0)
		return -1;		/* nobody to answer */
	memcpy(&job.head, frame, sizeof(job.head));
	int rc = check_frame(&job.head, size, err);

	if (rc == 0)
		rc = ledger_open(s->state_dir, &job.ledger, err);
	if (rc == 0)
		rc = dispatch(&job, (const char *)frame + sizeof(job.head), err);
	ledger_close(&job.ledger);
	if (rc < 0) {
		/* A full disk has a code of its own: what to do about it is clear. */
		if (err->sys == ENOSPC || err->sys == EDQUOT || err->sys == EROFS)
			err->code = ERR_DISK;
		return reply_failed(&job, err) < 0 ? -1 : 1;
	}
	return 0;
}
