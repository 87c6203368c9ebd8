/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `logs`: the site's folder below log_dir.  Root and the log group read
 * it on the host; an access list lets the tenant read its own logs in the jail,
 * where the folder is bound read-only.
 */
#include "tenants/facets/facet.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"

#define LOGS_MODE 0750

/* The kernel's format of system.posix_acl_*: linux/posix_acl_xattr.h. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

#define ACL_ENTRIES 5

struct acl {
	uint32_t version;
	struct acl_entry entry[ACL_ENTRIES];
};

enum {
	ACL_USER_OBJ = 0x01, ACL_GROUP_OBJ = 0x04, ACL_GROUP = 0x08, ACL_MASK = 0x10,
	ACL_OTHER = 0x20, ACL_VERSION = 2, ACL_READ_LIST = 5, ACL_ALL = 7,
};

/* Files made here later inherit the default list; its mask is their mode's
 * group part, so 0640 lets group and tenant read. */
static int set_readers(int dir, gid_t tenant, struct err *err)
{
	const struct acl acl = { .version = htole32(ACL_VERSION), .entry = {
		{ htole16(ACL_USER_OBJ), htole16(ACL_ALL), htole32(UINT32_MAX) },
		{ htole16(ACL_GROUP_OBJ), htole16(ACL_READ_LIST), htole32(UINT32_MAX) },
		{ htole16(ACL_GROUP), htole16(ACL_READ_LIST), htole32(tenant) },
		{ htole16(ACL_MASK), htole16(ACL_READ_LIST), htole32(UINT32_MAX) },
		{ htole16(ACL_OTHER), 0, htole32(UINT32_MAX) } } };

	if (fsetxattr(dir, "system.posix_acl_access", &acl, sizeof(acl), 0) < 0 ||
	    fsetxattr(dir, "system.posix_acl_default", &acl, sizeof(acl), 0) < 0) {
		/* Without access lists the tenant does not see its logs; all else works. */
		if (errno != EOPNOTSUPP)
			return err_sys(err, "let the tenant read its logs");
	}
	return 0;
}

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
	return set_readers(dir, run->uid, err);
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
