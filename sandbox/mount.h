/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by descriptor (open_tree(2), move_mount(2), mount_setattr(2), fsopen):
 * a mount gets all its flags while nobody can see it, then appears at once.
 * Attributes are MOUNT_ATTR_* bits.
 */
#ifndef SANDBOX_MOUNT_H
#define SANDBOX_MOUNT_H

#include <stdint.h>

#include "base/err.h"

/* A fresh file system; OPTIONS are key, value, ..., NULL.  Returns a detached
 * mount, the caller's. */
int mount_new(const char *type, const char *const options[], uint64_t attributes,
	      struct err *err);

/* A detached copy of the mount at FROM (a descriptor), without what is mounted
 * below it, with these attributes. */
int mount_copy(int from, uint64_t attributes, struct err *err);

/* Puts a mount at TARGET beneath ROOT, following no link.  What is missing of
 * the path is made, but only in the file system of ROOT itself: never inside
 * what is mounted in it, since that may belong to somebody.  The last
 * component becomes a folder or an empty file, as the mount is. */
int mount_put(int mount, int root, const char *target, struct err *err);

#endif
