/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `uploads`: the folder in which nginx keeps what visitors send to this site, until
 * its pool takes it.  Where the file system has project quota, it is counted with the
 * home; the supervisor sets the limits.
 */
#include "tenants/facets/facet.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "sandbox/quota.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"

/* For nginx's group to make files in.  When it loads its configuration nginx makes the
 * folder its user's, who may read it too; that is left to it. */
#define MODE 0730

static int open_all(const struct facet_run *run, struct err *err)
{
	return base_tree_open(run->settings->state_dir, NGINX_DIR "/" NGINX_UPLOADS, err);
}

static void folder_name(uint32_t number, char out[16])
{
	(void)snprintf(out, 16, "%u", number);
}

int uploads_make(struct facet_run *run, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int all = open_all(run, err);

	if (all < 0)
		return -1;
	folder_name(run->number, name);
	CLOSE_AT_EXIT int fd = file_make_dir(all, name, MODE, (uid_t)-1,
					     (gid_t)run->settings->web_gid, err);

	if (fd < 0)
		return -1;
	fault_point("build.uploads.made");
	return facet_is_counted(run, all, name) ? 0 : quota_adopt(all, name, run->uid, err);
}

/* What nginx still holds open has no name any more. */
int uploads_undo(struct facet_run *run, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int all = open_all(run, err);

	folder_name(run->number, name);
	return all < 0 ? -1 : file_remove_tree(all, name, err);
}

int uploads_check(const struct facet_run *run, struct err *err)
{
	char name[16];
	struct stat st;
	CLOSE_AT_EXIT int all = open_all(run, err);

	if (all < 0)
		return -1;
	folder_name(run->number, name);
	if (fstatat(all, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look at folder '%s'", name);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & 07777) != MODE ||
	    st.st_gid != (gid_t)run->settings->web_gid)
		return err_set(err, ERR_FAILED, "'%s' is not a folder for nginx alone", name);
	if (facet_is_counted(run, all, name))
		return 0;
	return err_set(err, ERR_FAILED, "the uploads of '%s' are not counted as project %u",
		       run->tenant->site, run->uid);
}
