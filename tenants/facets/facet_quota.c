/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `quota`: the home's project, by which the file system counts it.  The limits
 * themselves are set by the supervisor, with those of the cgroup.  A project has
 * the number of the tenant's uid, which nobody else on the machine uses.
 */
#include "tenants/facets/facet.h"

#include "base/fault.h"
#include "base/fd.h"
#include "sandbox/quota.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"

/* Is folder NAME in DIR the tenant's project, as far as its file system has projects?
 * A suspended site writes nothing: whatever it keeps in its home, it can be suspended. */
bool facet_is_counted(const struct facet_run *run, int dir, const char *name)
{
	return run->tenant->is_suspended || quota_missing(dir) ||
	       quota_is_adopted(dir, name, run->uid);
}

int quota_make(struct facet_run *run, struct err *err)
{
	CLOSE_AT_EXIT int homes = base_tree_open(run->settings->home_dir, NULL, err);

	if (homes < 0)
		return -1;
	/* A large home is walked once: when it is restored, or quota was turned on. */
	if (!facet_is_counted(run, homes, run->tenant->site) &&
	    quota_adopt(homes, run->tenant->site, run->uid, err) < 0)
		return -1;
	fault_point("build.quota.made");
	return 0;
}

/* The home takes it along. */
int quota_undo(struct facet_run *run, struct err *err)
{
	(void)run;
	(void)err;
	return 0;
}

int quota_check(const struct facet_run *run, struct err *err)
{
	CLOSE_AT_EXIT int homes = base_tree_open(run->settings->home_dir, NULL, err);

	if (homes < 0)
		return -1;
	if (facet_is_counted(run, homes, run->tenant->site))
		return 0;
	return err_set(err, ERR_FAILED, "the home of '%s' is not counted as project %u",
		       run->tenant->site, run->uid);
}
