/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail's file system.  A new tmpfs holds nothing but mount points, links
 * and the synthesised /etc; everything else is mounted into it, and it is
 * read-only in the end.  Of the folders of all homes just the components of
 * this one path exist in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "build_config.h"
#include "sandbox/jail.h"
#include "sandbox/mount.h"
#include "schema/errors.h"

/* The new root is first mounted here, over the only folder of the host that no
 * source of ours lies below. */
#define PARKING "/proc"

#define READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define WRITABLE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum runtime_kind { RUNTIME_LIBS, RUNTIME_DATA, RUNTIME_PROGRAMS, RUNTIME_LINK };
enum runtime_need { RUNTIME_MAY, RUNTIME_MUST };

static const struct runtime {
	enum runtime_kind kind;
	enum runtime_need need;
	const char *path;
} runtimes[] = {
#define RUNTIME(kind, need, path, why) { RUNTIME_##kind, RUNTIME_##need, path },
#include "sandbox/runtime.def"
#undef RUNTIME
};

/* A device is checked before it is bound: a wrong /dev of the host would
 * otherwise become the tenant's. */
static const struct { const char *path; unsigned minor; } devices[] = {
	{ "/dev/null", 3 }, { "/dev/zero", 5 }, { "/dev/full", 7 },
	{ "/dev/random", 8 }, { "/dev/urandom", 9 },
};
#define DEVICE_MAJOR 1

static const struct { const char *name, *to; } dev_links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
};

/* Opens a host path without following any link in it: what a spec names may
 * lie where a tenant can swap a folder for a link. */
static int open_unlinked(const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_PATH | O_CLOEXEC),
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	if (mutant_is_off("no-links"))
		how.resolve = 0;
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* Mounts a copy of FROM at TARGET. */
static int bind_fd(struct jail *j, int from, const char *target, uint64_t attributes,
		   struct err *err)
{
	CLOSE_AT_EXIT int mount = mount_copy(from, attributes, err);

	if (mount < 0 || mount_put(mount, j->root, target, err) < 0)
		return err_wrap(err, "bind '%s'", target);
	return 0;
}

static int bind_runtime(struct jail *j, const struct runtime *r, const char *path,
			struct err *err)
{
	CLOSE_AT_EXIT int from = open(path, O_PATH | O_CLOEXEC);

	if (from < 0)
		return errno == ENOENT && r->need == RUNTIME_MAY ? 0 :
		       err_sys(err, "open '%s', which every jail needs", path);
	return bind_fd(j, from, path, READ_ONLY |
		       (r->kind == RUNTIME_DATA ? MOUNT_ATTR_NOEXEC : 0), err);
}

static int link_runtime(struct jail *j, const char *path, struct err *err)
{
	char to[SPEC_PATH_MAX];
	ssize_t size = readlink(path, to, sizeof(to) - 1);

	if (size < 0)
		return errno == ENOENT || errno == EINVAL ? 0 :
		       err_sys(err, "read link '%s'", path);
	to[size] = '\0';
	/* /bin leads nowhere where there are no programs. */
	CLOSE_AT_EXIT int there = openat(j->root, to, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (to[0] == '/' || there < 0)
		return 0;
	return symlinkat(to, j->root, path + 1) < 0 ? err_sys(err, "make link '%s'", path) : 0;
}

static int glob_runtime(struct jail *j, const struct runtime *r, struct err *err)
{
	glob_t found = { 0 };
	int rc = 0;

	if (glob(r->path, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = bind_runtime(j, r, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

static int put_runtime(struct jail *j, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		const struct runtime *r = &runtimes[i];
		int rc = 0;

		if (r->kind == RUNTIME_PROGRAMS && !(j->spec->flags & SPEC_PROGRAMS))
			continue;
		if (r->kind == RUNTIME_LINK)
			continue;	/* put_links() */
		if (strpbrk(r->path, "*["))
			rc = glob_runtime(j, r, err);
		else
			rc = bind_runtime(j, r, r->path, err);
		if (rc < 0)
			return -1;
	}
	CLOSE_AT_EXIT int from = open_unlinked(j->spec->runtime, O_DIRECTORY);

	if (from < 0)
		return err_sys(err, "open the program's folder '%s' (no part may be a link)",
			       j->spec->runtime);
	return bind_fd(j, from, j->spec->runtime, READ_ONLY, err);
}

/* The program is opened through the jail's own read-only mount, so that
 * /proc/self/exe and $ORIGIN name a path that exists inside. */
static int open_program(struct jail *j, struct err *err)
{
	struct stat st;

	j->program = file_open_beneath(j->root, j->spec->program + 1, O_PATH, 0);
	if (j->program < 0 || fstat(j->program, &st) < 0)
		return err_sys(err, "open program '%s'", j->spec->program);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
		return err_set(err, ERR_JAIL, "program '%s' is not a file that only root can write",
			       j->spec->program);
	return 0;
}

static int put_home(struct jail *j, struct err *err)
{
	CLOSE_AT_EXIT int from = open_unlinked(j->spec->home, O_DIRECTORY);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return err_sys(err, "open home '%s' (no part may be a link)", j->spec->home);
	/* A wrong path in a record must not open a neighbour's home. */
	if (st.st_uid != 0 && st.st_uid != j->spec->uid && !mutant_is_off("home-identity"))
		return err_set(err, ERR_JAIL, "home '%s' belongs to user %u, neither to root nor "
			       "to %u", j->spec->home, st.st_uid, j->spec->uid);
	return bind_fd(j, from, j->spec->home, WRITABLE, err);
}

static int put_binds(struct jail *j, struct err *err)
{
	for (uint32_t i = 0; i < j->spec->bind_count; i++) {
		const struct spec_bind *b = &j->spec->bind[i];
		CLOSE_AT_EXIT int from = open_unlinked(b->source, 0);

		if (from < 0 && errno == ENOENT && (b->flags & SPEC_BIND_OPTIONAL))
			continue;
		if (from < 0)
			return err_sys(err, "open '%s' to bind it (no part may be a link)",
				       b->source);
		if (bind_fd(j, from, b->target, b->flags & SPEC_BIND_WRITABLE ? WRITABLE :
			    b->flags & SPEC_BIND_PROGRAM ? READ_ONLY :
			    READ_ONLY | MOUNT_ATTR_NOEXEC, err) < 0)
			return -1;
	}
	return 0;
}

static int put_links(struct jail *j, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (runtimes[i].kind == RUNTIME_LINK &&
		    link_runtime(j, runtimes[i].path, err) < 0)
			return -1;
	return 0;
}

static int put_tmpfs(struct jail *j, const char *target, uint64_t bytes, struct err *err)
{
	char size[32], count[32];

	(void)str_format(size, sizeof(size), "%llu", (unsigned long long)bytes);
	(void)str_format(count, sizeof(count), "%llu",
			 (unsigned long long)jail_tmpfs_inodes(bytes));
	const char *const options[] = { "mode", "1777", "size", size, "nr_inodes", count, NULL };

	if (mutant_is_off("tmpfs-inodes"))
		(void)str_copy(count, sizeof(count), "0");	/* no bound */
	if (mutant_is_off("tmpfs-size"))
		(void)str_format(size, sizeof(size), "%llu", bytes * 2ULL);
	CLOSE_AT_EXIT int mount = mount_new("tmpfs", options, WRITABLE, err);

	return mount < 0 ? -1 : mount_put(mount, j->root, target, err);
}

static int put_dev(struct jail *j, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		CLOSE_AT_EXIT int from = open_unlinked(devices[i].path, 0);
		struct stat st;

		if (from < 0 || fstat(from, &st) < 0)
			return err_sys(err, "open '%s'", devices[i].path);
		if (!S_ISCHR(st.st_mode) ||
		    st.st_rdev != makedev(DEVICE_MAJOR, devices[i].minor))
			return err_set(err, ERR_JAIL, "'%s' is not the device of that name",
				       devices[i].path);
		/* Writing to a device needs no writable mount, changing its mode does. */
		if (bind_fd(j, from, devices[i].path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NOEXEC, err) < 0)
			return -1;
	}
	CLOSE_AT_EXIT int dev = file_make_dir(j->root, "dev", 0755, 0, 0, err);

	if (dev < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++)
		if (symlinkat(dev_links[i].to, dev, dev_links[i].name) < 0)
			return err_sys(err, "make link '/dev/%s'", dev_links[i].name);
	return put_tmpfs(j, "/dev/shm", j->spec->shm_size, err);
}

/* Only processes, only one's own, and nothing to write: a tenant that can
 * write oom_score_adj could take back what the oom step set. */
static int put_proc(struct jail *j, struct err *err)
{
	const char *const options[] = {
		"hidepid", mutant_is_off("proc-hidepid") ? "off" : "invisible",
		mutant_is_off("proc-subset") ? NULL : "subset", "pid", NULL,
	};
	CLOSE_AT_EXIT int mount = mount_new("proc", options, READ_ONLY | MOUNT_ATTR_NOEXEC, err);

	return mount < 0 ? -1 : mount_put(mount, j->root, "/proc", err);
}

int jail_root_make(struct jail *j, struct err *err)
{
	static const char *const options[] = { "size", "256k", "nr_inodes", "1024",
					       "mode", "0755", NULL };

	/* First of all: on systemd hosts every mount is shared, and ours would
	 * appear outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "make all mounts private");
	j->root = mount_new("tmpfs", options, WRITABLE, err);
	if (j->root < 0)
		return -1;
	if (move_mount(j->root, "", AT_FDCWD, PARKING, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, "mount the new root on '%s'", PARKING);
	if (put_runtime(j, err) < 0 || open_program(j, err) < 0)
		return -1;
	if (put_tmpfs(j, "/tmp", j->spec->tmp_size, err) < 0 || put_dev(j, err) < 0 ||
	    put_proc(j, err) < 0)
		return -1;
	fault_point("jail.root");
	/* What the spec names comes last: places are made only in the root's own
	 * file system, so no home covers a library, /dev or /proc. */
	if (put_home(j, err) < 0 || put_binds(j, err) < 0)
		return -1;
	return put_links(j, err);	/* /sbin only where a bind has made /usr/sbin */
}

int jail_root_enter(struct jail *j, struct err *err)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mutant_is_off("pivot")) {	/* the host's tree stays, with its /proc */
		fd_close(&j->program);
		j->program = open(j->spec->program, O_PATH | O_CLOEXEC);
		return umount2(PARKING, MNT_DETACH) < 0 ? err_sys(err, "uncover /proc") : 0;
	}
	if (fchdir(j->root) < 0)
		return err_sys(err, "enter the new root");
	/* The old root comes to lie on top of the new one at "."; detached, it is
	 * gone for everybody in here, with all that is mounted below it. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(err, "detach the old root");
	if (chdir("/") < 0)
		return err_sys(err, "enter '/'");
	if (!mutant_is_off("mount-readonly") &&
	    mount_setattr(AT_FDCWD, "/", 0, &read_only, sizeof(read_only)) < 0)
		return err_sys(err, "make '/' read-only");
	fd_close(&j->root);
	return 0;
}
