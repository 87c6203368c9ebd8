/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (landlock(7)), as far as the running kernel knows it: a second
 * wall round files, independent of mounts and modes.  On a kernel without it
 * all of this is silent success, since the first wall stands.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include "base/err.h"

enum landlock_grant {
	LANDLOCK_READ = 1,	/* read files, list folders */
	LANDLOCK_WRITE = 2,	/* change, make, remove, rename; no device nodes */
	LANDLOCK_EXECUTE = 4,	/* start programs */
	LANDLOCK_DEVICE = 8,	/* write to what is there */
};

/* The version of its interface that the kernel has; 0: none. */
int landlock_version(void);

/* A rule set that refuses all file access that no grant allows, and abstract
 * sockets and signals to the outside where the kernel can (6.12).  *out is a
 * descriptor, or -1 where the kernel has no Landlock. */
int landlock_new(int *out, struct err *err);

/* Allows GRANTS (bits) on PATH and all beneath.  With is_optional a missing
 * path is no error. */
int landlock_allow(int rules, const char *path, unsigned grants, int is_optional,
		   struct err *err);

/* Puts this process and all its descendants behind the rules, for good.
 * Needs no_new_privs. */
int landlock_enter(int rules, struct err *err);

#endif
