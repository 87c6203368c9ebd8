/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by descriptor. */
#include "sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "sandbox/spec.h"
#include "schema/errors.h"

/* The flags without those whose wall a test has taken away. */
static uint64_t standing(uint64_t attributes)
{
	if (mutant_is_off("mount-readonly"))
		attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (mutant_is_off("mount-nosuid"))
		attributes &= ~(uint64_t)MOUNT_ATTR_NOSUID;
	if (mutant_is_off("mount-nodev"))
		attributes &= ~(uint64_t)MOUNT_ATTR_NODEV;
	if (mutant_is_off("mount-noexec"))
		attributes &= ~(uint64_t)MOUNT_ATTR_NOEXEC;
	return attributes;
}

int mount_new(const char *type, const char *const options[], uint64_t attributes,
	      struct err *err)
{
	CLOSE_AT_EXIT int context = fsopen(type, FSOPEN_CLOEXEC);

	if (context < 0)
		return err_sys(err, "make a file system '%s'", type);
	for (int i = 0; options[i]; i += 2)
		if (fsconfig(context, FSCONFIG_SET_STRING, options[i], options[i + 1], 0) < 0)
			return err_sys(err, "set '%s=%s' for '%s'", options[i], options[i + 1],
				       type);
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(err, "create file system '%s'", type);
	int mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)standing(attributes));

	return mount < 0 ? err_sys(err, "mount file system '%s'", type) : mount;
}

int mount_copy(int from, uint64_t attributes, struct err *err)
{
	struct mount_attr want = { .attr_set = standing(attributes) };
	CLOSE_AT_EXIT int mount = open_tree(from, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					    AT_EMPTY_PATH);

	if (mount < 0)
		return err_sys(err, "copy the mount");
	if (mount_setattr(mount, "", AT_EMPTY_PATH, &want, sizeof(want)) < 0)
		return err_sys(err, "set the flags of the mount");
	return fd_take(&mount);
}

/* Opens NAME in DIR, or makes it where DIR lies in the file system DEVICE. */
static int open_or_make(int dir, const char *name, bool is_folder, dev_t device)
{
	int flags = O_PATH | (is_folder ? O_DIRECTORY : 0);
	int fd = file_open_beneath(dir, name, flags, 0);
	struct stat st;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (fstat(dir, &st) < 0)
		return -1;
	if (st.st_dev != device) {
		errno = ENOENT;
		return -1;
	}
	if (is_folder ? mkdirat(dir, name, 0755) < 0 : mknodat(dir, name, S_IFREG | 0444, 0) < 0)
		return -1;
	return file_open_beneath(dir, name, flags, 0);
}

int mount_put(int mount, int root, const char *target, struct err *err)
{
	struct stat top, what;
	char path[SPEC_PATH_MAX], *rest = NULL;
	CLOSE_AT_EXIT int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (at < 0 || fstat(root, &top) < 0 || fstat(mount, &what) < 0)
		return err_sys(err, "look at '%s'", target);
	if (str_copy(path, sizeof(path), target) < 0)
		return err_set(err, ERR_JAIL, "the path '%s' is too long", target);
	char *name = strtok_r(path, "/", &rest);

	while (name) {
		char *following = strtok_r(NULL, "/", &rest);
		int next = open_or_make(at, name, following || S_ISDIR(what.st_mode), top.st_dev);

		if (next < 0)
			return err_sys(err, "make the place '%s' in the jail, at '%s'", target,
				       name);
		fd_close(&at);
		at = next;
		name = following;
	}
	if (move_mount(mount, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, "mount on '%s'", target);
	return 0;
}
