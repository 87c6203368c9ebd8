/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, walked by descriptor.  A path below a folder that others may write is
 * never joined from strings: openat2(2) resolves it beneath a folder's
 * descriptor and follows no symbolic link.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
 * and O_CLOEXEC.  -1 with errno. */
int file_open_beneath(int dir, const char *path, int flags, mode_t mode);

/* Opens or makes one folder NAME in DIR, and gives it this mode and owner.
 * (uid_t)-1 leaves the owner.  Refuses what is not a folder.  Idempotent; returns its
 * descriptor, the caller's. */
int file_make_dir(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid,
		  struct err *err);

/* Reads a whole file of at most SIZE bytes.  Returns the count; longer files
 * and anything but regular files are errors. */
ssize_t file_read(int dir, const char *name, void *data, size_t size, struct err *err);

/* Reads a record of exactly SIZE bytes that only root may have written: the
 * file must be regular and owned by root, and not writable by others. */
int file_read_record(int dir, const char *name, void *data, size_t size, struct err *err);

/* Puts a file in place, whole or not at all, also under kill -9 and power
 * loss: temporary name, fsync, rename, fsync of the folder. */
int file_write(int dir, const char *name, const void *data, size_t size, mode_t mode,
	       uid_t uid, gid_t gid, struct err *err);

/* Removes NAME if it is there and fsyncs the folder.  Idempotent. */
int file_remove(int dir, const char *name, struct err *err);

/* Calls EACH with DIR and every name in it but . and .., until a call returns
 * anything but 0; returns what that returned.  A folder that cannot be read to
 * its end is an error: -1.  DIR stays the caller's. */
int file_each(int dir, int (*each)(int dir, const char *name, void *arg, struct err *err),
	      void *arg, struct err *err);

/* The same for the numbers above 0 among the names: those of PREFIX ("" or a letter or
 * two) and digits; other names are passed over. */
int file_each_number(int dir, const char *prefix, int (*each)(uint32_t number, void *arg),
		     void *arg, struct err *err);

/* Removes a whole tree by descriptors, crossing no mount and following no
 * link.  Nothing there is success.  Never more than FILE_DEPTH_MAX folders are
 * open: deeper ones are moved up to the top of the tree first. */
#define FILE_DEPTH_MAX 256
int file_remove_tree(int dir, const char *name, struct err *err);

#endif
