/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `logs`: the site's folder below log_dir.  Root and the log group read
 * it on the host; an access list lets the tenant read its own logs in the jail,
 * where the folder is bound read-only.
 */
#include "tenants/facets/facet.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "schema/errors.h"
#include "tenants/access_list.h"
#include "tenants/base_tree.h"

#define LOGS_MODE 0750

int logs_make(struct facet_run *run, struct err *err)
{
	CLOSE_AT_EXIT int logs = base_tree_open(run->settings->log_dir, NULL, err);

	if (logs < 0)
		return -1;
	CLOSE_AT_EXIT int dir = file_make_dir(logs, run->tenant->site, LOGS_MODE, 0,
					      (gid_t)run->settings->log_gid, err);

	if (dir < 0)
		return -1;
	fault_point("build.logs.made");
	return access_list_add(dir, run->uid, ACCESS_READ, true, err);
}

int logs_undo(struct facet_run *run, struct err *err)
{
	CLOSE_AT_EXIT int logs = base_tree_open(run->settings->log_dir, NULL, err);

	if (logs < 0)
		return -1;
	if (!run->is_retreat && !run->owns_site)
		return 0;
	if (file_remove_tree(logs, run->tenant->site, err) < 0)
		return -1;
	fault_point("build.logs.removed");
	return 0;
}

int logs_check(const struct facet_run *run, struct err *err)
{
	struct stat st;
	CLOSE_AT_EXIT int logs = base_tree_open(run->settings->log_dir, NULL, err);

	if (logs < 0)
		return -1;
	if (fstatat(logs, run->tenant->site, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look at the logs of '%s'", run->tenant->site);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || st.st_gid != run->settings->log_gid ||
	    (st.st_mode & 07777) != LOGS_MODE)
		return err_set(err, ERR_FAILED, "the logs of '%s' are not a folder of root with "
			       "mode %04o", run->tenant->site, LOGS_MODE);
	return 0;
}
