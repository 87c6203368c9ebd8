/* SPDX-License-Identifier: Apache-2.0 */
/* Opening beneath, records, whole-or-nothing writes, removal by descriptors. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"

#define MOVES_MAX 100000		/* folders that are moved up in one removal */

static int open2(int dir, const char *path, int flags, mode_t mode, unsigned resolve)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.mode = (flags & O_CREAT) ? mode : 0,
				.resolve = resolve };
	int fd = -1;

	/* EAGAIN: a rename somewhere else raced with ".." handling. */
	for (int tries = 0; tries < 16; tries++) {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

int file_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	return open2(dir, path, flags, mode, mutant_is_off("no-links") ? 0 :
		     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int file_make_dir(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid,
		  struct err *err)
{
	struct stat st;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "make folder '%s'", name);
	CLOSE_AT_EXIT int fd = file_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return err_sys(err, "open folder '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at folder '%s'", name);
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		return err_sys(err, "give folder '%s' to %u:%u", name, uid, gid);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return err_sys(err, "set mode %04o on folder '%s'", mode, name);
	return fd_take(&fd);
}

ssize_t file_read(int dir, const char *name, void *data, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > size)
		return err_set(err, ERR_SYSTEM, "'%s' is not a plain file of at most %zu bytes",
			       name, size);
	if (fd_read_full(fd, data, (size_t)st.st_size) < 0)
		return err_sys(err, "read '%s'", name);
	return st.st_size;
}

int file_read_record(int dir, const char *name, void *data, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "open record '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at record '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
		return err_set(err, ERR_SYSTEM,
			       "record '%s' is not a file that only root can write", name);
	if ((size_t)st.st_size != size)
		return err_set(err, ERR_SYSTEM, "record '%s' has %lld bytes, not %zu", name,
			       (long long)st.st_size, size);
	if (fd_read_full(fd, data, size) < 0)
		return err_sys(err, "read record '%s'", name);
	return 0;
}

/* With the folder, whose disk may be full or read-only; where it is not known, NAME alone. */
static int write_failed(int dir, const char *name, const char *what, struct err *err)
{
	int failure = errno;
	char link[48], folder[256] = "";
	ssize_t n = str_format(link, sizeof(link), "/proc/self/fd/%d", dir) < 0 ? -1 :
		    readlink(link, folder, sizeof(folder));
	bool is_known = n > 0 && n < (ssize_t)sizeof(folder);

	errno = failure;
	return err_sys(err, "%s '%.*s%s%s'", what, is_known ? (int)n : 0, folder,
		       is_known ? "/" : "", name);
}

int file_write(int dir, const char *name, const void *data, size_t size, mode_t mode,
	       uid_t uid, gid_t gid, struct err *err)
{
	char temporary[NAME_MAX + 1];

	if (str_format(temporary, sizeof(temporary), ".%s.new", name) < 0)
		return err_set(err, ERR_SYSTEM, "file name '%s' is too long", name);
	/* A leftover of a killed run; nobody else may write in these folders. */
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return write_failed(dir, temporary, "clear", err);
	CLOSE_AT_EXIT int fd =
		openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return write_failed(dir, temporary, "make", err);
	if (mutant_is_off("state-modes"))
		mode |= 0644;
	if (fd_write_full(fd, data, size) < 0 || fchown(fd, uid, gid) < 0 ||
	    fchmod(fd, mode) < 0 || fsync(fd) < 0) {
		(void)write_failed(dir, name, "write", err);
		(void)unlinkat(dir, temporary, 0);	/* the next run clears it as well */
		return -1;
	}
	if (renameat(dir, temporary, dir, name) < 0)
		return err_sys(err, "put '%s' in place", name);
	if (fsync(dir) < 0)
		return err_sys(err, "fsync the folder of '%s'", name);
	return 0;
}

int file_remove(int dir, const char *name, struct err *err)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove '%s'", name);
	if (fsync(dir) < 0)
		return err_sys(err, "fsync the folder of '%s'", name);
	return 0;
}

int file_each(int dir, int (*each)(int dir, const char *name, void *arg, struct err *err),
	      void *arg, struct err *err)
{
	CLOSE_AT_EXIT int scan = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = scan < 0 ? NULL : fdopendir(scan);
	int rc = 0;

	if (!entries)
		return err_sys(err, "read a folder");
	scan = -1;		/* the stream owns it now */
	while (rc == 0) {
		const struct dirent *e;

		errno = 0;
		if (!(e = readdir(entries))) {
			rc = errno ? err_sys(err, "read a folder to its end") : 0;
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = each(dir, e->d_name, arg, err);
	}
	(void)closedir(entries);	/* read only */
	return rc;
}

struct numbers {
	const char *prefix;
	int (*each)(uint32_t number, void *arg);
	void *arg;
};

static int each_number(int dir, const char *name, void *arg, struct err *err)
{
	const struct numbers *n = arg;
	size_t length = strlen(n->prefix);
	uint64_t number = 0;

	(void)dir;
	(void)err;
	if (strncmp(name, n->prefix, length) != 0 ||
	    str_number(name + length, UINT32_MAX, &number) < 0 || number == 0)
		return 0;
	return n->each((uint32_t)number, n->arg);
}

int file_each_number(int dir, const char *prefix, int (*each)(uint32_t number, void *arg),
		     void *arg, struct err *err)
{
	struct numbers n = { prefix, each, arg };

	return file_each(dir, each_number, &n, err);
}

/* One removal: TOP is the folder that shall go, NEXT names what is moved up. */
struct removal {
	int top;
	unsigned next;
	bool has_moved;
};

static int remove_any(struct removal *r, int dir, const char *name, int depth, struct err *err);

/* Somebody nested folders deeper than we go: this one goes on from the top. */
static int move_up(struct removal *r, int dir, const char *name, struct err *err)
{
	char up[32];

	while (r->next < MOVES_MAX) {
		(void)snprintf(up, sizeof(up), ".deep.%u", r->next++);
		if (renameat2(dir, name, r->top, up, RENAME_NOREPLACE) == 0) {
			r->has_moved = true;
			return 0;
		}
		if (errno != EEXIST)
			return err_sys(err, "move folder '%s' up", name);
	}
	return err_set(err, ERR_SYSTEM, "folders below '%s' are nested too deep", name);
}

struct removal_at {
	struct removal *removal;
	int depth;		/* of what lies in the folder */
};

static int remove_entry(int dir, const char *name, void *arg, struct err *err)
{
	const struct removal_at *at = arg;

	return remove_any(at->removal, dir, name, at->depth, err);
}

static int remove_entries(struct removal *r, int fd, int depth, struct err *err)
{
	struct removal_at at = { r, depth + 1 };

	return file_each(fd, remove_entry, &at, err);
}

static int remove_any(struct removal *r, int dir, const char *name, int depth, struct err *err)
{
	struct stat st;
	int rc = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%s'", name);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			return err_sys(err, "remove '%s'", name);
		return 0;
	}
	if (depth >= FILE_DEPTH_MAX)
		return move_up(r, dir, name, err);
	CLOSE_AT_EXIT int fd = open2(dir, name, O_RDONLY | O_DIRECTORY, 0,
				     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	if (fd < 0)
		return err_sys(err, "open folder '%s'", name);
	if (depth == 0)
		r->top = fd;
	do {
		if (depth == 0)
			r->has_moved = false;
		rc = remove_entries(r, fd, depth, err);
	} while (rc == 0 && depth == 0 && r->has_moved);
	if (rc < 0)
		return err_wrap(err, "folder '%s'", name);
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, "remove folder '%s'", name);
	return 0;
}

int file_remove_tree(int dir, const char *name, struct err *err)
{
	struct removal r = { .top = -1 };

	return remove_any(&r, dir, name, 0, err);
}
