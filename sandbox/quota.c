/* SPDX-License-Identifier: Apache-2.0 */
/* quotactl_fd(2) and the attribute of files that holds their project. */
#include "sandbox/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "schema/errors.h"

#define BLOCK 1024	/* QIF_DQBLKSIZE: limits are counted in these */

static int control(int fd, unsigned command, uint32_t project, void *data)
{
	return (int)syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, data);
}

int quota_missing(int fd)
{
	struct fs_quota_stat state = { .qs_version = FS_QSTAT_VERSION };

	if (control(fd, Q_XGETQSTAT, 0, &state) < 0)
		return errno;
	/* ext4 with the feature counts, but only with the mount's option refuses. */
	return state.qs_flags & FS_QUOTA_PDQ_ENFD ? 0 : ESRCH;
}

int quota_set(int fd, uint32_t project, uint64_t bytes, uint64_t inodes, struct err *err)
{
	struct if_dqblk q = { .dqb_valid = QIF_LIMITS };

	if (quota_missing(fd))
		return 0;
	/* To the kernel 0 is no limit. */
	if (bytes != UINT64_MAX)
		q.dqb_bhardlimit = bytes < BLOCK ? 1 : bytes / BLOCK;
	if (inodes != UINT64_MAX)
		q.dqb_ihardlimit = inodes == 0 ? 1 : inodes;
	if (control(fd, Q_SETQUOTA, project, &q) < 0)
		return err_sys(err, "set the quota of project %u", project);
	return 0;
}

int quota_read(int fd, uint32_t project, struct quota_facts *out, struct err *err)
{
	struct if_dqblk q = { 0 };

	if (control(fd, Q_GETQUOTA, project, &q) < 0)
		return err_sys(err, "read the quota of project %u", project);
	*out = (struct quota_facts){
		.bytes = q.dqb_curspace, .inodes = q.dqb_curinodes,
		.bytes_max = q.dqb_bhardlimit ? q.dqb_bhardlimit * BLOCK : UINT64_MAX,
		.inodes_max = q.dqb_ihardlimit ? q.dqb_ihardlimit : UINT64_MAX };
	return 0;
}

static int give(int fd, const char *name, bool is_dir, uint32_t project, struct err *err)
{
	struct fsxattr x;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return err_sys(err, "read the project of '%s'", name);
	if (x.fsx_projid == project && (!is_dir || (x.fsx_xflags & FS_XFLAG_PROJINHERIT)))
		return 0;
	x.fsx_projid = project;
	if (is_dir)
		x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0 ?
	       err_sys(err, "give '%s' to project %u", name, project) : 0;
}

struct adoption {
	uint32_t project;
	int depth;		/* of what lies in the folder */
};

static int adopt_one(int dir, const char *name, void *arg, struct err *err)
{
	const struct adoption *at = arg;
	struct adoption below = { at->project, at->depth + 1 };
	struct stat st;

	/* Opening a pipe or a device might do something; O_NONBLOCK if one takes
	 * the name meanwhile. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%s'", name);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	CLOSE_AT_EXIT int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 :
		       err_sys(err, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", name);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	if (at->depth >= FILE_DEPTH_MAX)
		return err_set(err, ERR_FAILED, "folders below '%s' are nested deeper than %d",
			       name, FILE_DEPTH_MAX);
	/* A folder before what lies in it: into one that passes its project on the
	 * kernel moves and links nothing of another (EXDEV in ext4 and XFS), so that
	 * nothing escapes the walk to where it has been. */
	if (give(fd, name, S_ISDIR(st.st_mode), at->project, err) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? file_each(fd, adopt_one, &below, err) : 0;
}

int quota_adopt(int dir, const char *name, uint32_t project, struct err *err)
{
	CLOSE_AT_EXIT int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open '%s'", name);
	if (file_each(fd, adopt_one, &(struct adoption){ project, 1 }, err) < 0)
		return -1;
	return give(fd, name, true, project, err);
}

bool quota_is_adopted(int dir, const char *name, uint32_t project)
{
	CLOSE_AT_EXIT int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct fsxattr x;

	return fd >= 0 && ioctl(fd, FS_IOC_FSGETXATTR, &x) == 0 && x.fsx_projid == project &&
	       (x.fsx_xflags & FS_XFLAG_PROJINHERIT);
}
