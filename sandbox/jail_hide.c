/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that would run as another user or group are not in the jail: each is
 * covered by a device that cannot be opened or started.  nosuid and no_new_privs
 * already make them run as the tenant; this is for the day on which one of these fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "build_config.h"
#include "sandbox/jail.h"
#include "sandbox/mount.h"
#include "schema/errors.h"

#define CLOSED (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Folders of runtime.def with programs in them.  Libraries' own helpers lie one folder
 * down, and there are too many files for a look at each whenever a pool starts. */
static const char *const folders[] = {
	"/usr/bin", "/usr/sbin", "/usr/lib/git-core", "/usr/lib/" MULTIARCH "/utempter",
};

static int cover(struct jail *j, int null, const char *folder, const char *name, struct err *err)
{
	char path[SPEC_PATH_MAX];
	CLOSE_AT_EXIT int mount = mount_copy(null, CLOSED, err);

	if (mount < 0)
		return -1;
	if (str_format(path, sizeof(path), "%s/%s", folder, name) < 0)
		return err_set(err, ERR_JAIL, "the path of '%s' is too long", name);
	return mount_put(mount, j->root, path, err);
}

struct hiding {
	struct jail *jail;
	int null;
	const char *folder;
};

static int hide_one(int dir, const char *name, void *arg, struct err *err)
{
	const struct hiding *h = arg;
	struct stat st;

	/* ENOENT: it was just removed.  What else cannot be looked at is not let in. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%s/%s'", h->folder, name);
	return S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) ?
	       cover(h->jail, h->null, h->folder, name, err) : 0;
}

static int hide_in(struct jail *j, int null, const char *folder, struct err *err)
{
	CLOSE_AT_EXIT int at = file_open_beneath(j->root, folder + 1, O_RDONLY | O_DIRECTORY, 0);
	struct hiding h = { j, null, folder };

	if (at < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open '%s'", folder);
	return file_each(at, hide_one, &h, err) < 0 ? err_wrap(err, "%s", folder) : 0;
}

int jail_hide(struct jail *j, struct err *err)
{
	CLOSE_AT_EXIT int null = file_open_beneath(j->root, "dev/null", O_PATH, 0);

	if (mutant_is_off("set-id-hidden"))
		return 0;
	if (null < 0)
		return err_sys(err, "open '/dev/null'");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (hide_in(j, null, folders[i], err) < 0)
			return -1;
	return 0;
}
