/* SPDX-License-Identifier: Apache-2.0 */
/* The table of facets and the two ways through it. */
#include "tenants/facets/facet.h"

#include <time.h>

#include "base/fault.h"
#include "base/mutant.h"

/* The claim of the names first: whatever follows carries the site's name.  The
 * virtual host last: nginx sees a tenant only when everything else stands. */
const struct facet facets[FACETS] = {
	{ "names", names_make, names_undo, names_check },
	{ "home", home_make, home_undo, home_check },
	{ "quota", quota_make, quota_undo, quota_check },
	{ "logs", logs_make, logs_undo, logs_check },
	{ "mail", mail_make, mail_undo, mail_check },
	{ "spec", spec_make, spec_undo, spec_facet_check },
	{ "uploads", uploads_make, uploads_undo, uploads_check },
	{ "vhost", vhost_make, vhost_undo, vhost_check },
};

static const struct err well;

static uint64_t now_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int make_one(const struct facet *f, struct facet_run *run, facet_report *report, void *arg,
		    struct err *err)
{
	uint64_t start = now_us();
	int rc = f->make(run, err);

	/* What was made is looked at once more, as the next audit will. */
	if (rc == 0)
		rc = f->check(run, err);
	report(arg, f->name, (uint32_t)(now_us() - start), rc < 0 ? err : &well);
	return rc < 0 ? err_wrap(err, "%s", f->name) : 0;
}

int facets_apply(struct facet_run *run, facet_report *report, void *arg, struct err *err)
{
	for (int i = 0; i < FACETS; i++) {
		fault_point("build.make");
		if (make_one(&facets[i], run, report, arg, err) == 0)
			continue;
		/* A tenant that lived before goes forward at the next try. */
		run->is_retreat = true;
		for (int k = i; run->is_new && k >= 0; k--) {
			struct err second = { 0 };

			/* The first error is the one to tell. */
			(void)facets[k].undo(run, &second);
		}
		return -1;
	}
	fault_point("build.made");
	return ledger_built(run->ledger, run->number, err);
}

int facets_remove(struct facet_run *run, facet_report *report, void *arg, struct err *err)
{
	for (int i = FACETS - 1; i >= 0; i--) {
		uint64_t start = now_us();

		fault_point("build.undo");
		int rc = mutant_is_off("undo") ? 0 : facets[i].undo(run, err);

		report(arg, facets[i].name, (uint32_t)(now_us() - start), rc < 0 ? err : &well);
		if (rc < 0)
			return err_wrap(err, "%s", facets[i].name);
	}
	fault_point("build.undone");
	return 0;
}

int facets_check(const struct facet_run *run, facet_report *report, void *arg)
{
	int wrong = 0;

	for (int i = 0; i < FACETS; i++) {
		uint64_t start = now_us();
		struct err err = { 0 };

		wrong += facets[i].check(run, &err) < 0;
		report(arg, facets[i].name, (uint32_t)(now_us() - start), &err);
	}
	return wrong;
}
