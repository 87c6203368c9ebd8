/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state that the jail's steps share, private to tenant-jail.  The steps
 * and their order: jail_steps.c; why that order: sandbox/README.md.
 */
#ifndef SANDBOX_JAIL_H
#define SANDBOX_JAIL_H

#include <stdbool.h>

#include "base/err.h"
#include "sandbox/spec.h"

/* Descriptors of tenant-jail as the supervisor gives them. */
enum jail_fd {
	JAIL_FD_LISTENER = 3,
	JAIL_FD_SPEC,		/* sealed memfd with struct jail_spec */
	JAIL_FD_REPORT,
	JAIL_FD_LOG,
	JAIL_FD_GO,		/* one byte when the process is in its groups */
	JAIL_FD_SLOW, JAIL_FD_ACCESS,	/* further logs, for the program */
	JAIL_FD_NET,		/* with SPEC_NETWORK: towards whoever makes the link, a stream */
	JAIL_FD_END
};

/* Above what daemons have, so that the kernel takes a site before a service
 * when the machine itself runs out. */
#define JAIL_OOM_SCORE 400

#define JAIL_LOCKED_MEMORY (64 * 1024)	/* bytes */
#define JAIL_QUEUED_SIGNALS 512		/* and timers */

/* Files in a tmpfs of BYTES.  They cost kernel memory of the tenant's group; this
 * keeps a flood of empty ones in proportion to the room. */
static inline uint64_t jail_tmpfs_inodes(uint64_t bytes)
{
	return bytes / 2048 < 1024 ? 1024 : bytes / 2048;
}

struct jail {
	const struct jail_spec *spec;
	int root;		/* the new root's mount */
	int program;		/* O_PATH, as seen through the new root */
	int payload;		/* sealed, for the program */
	int worker_filter;	/* sealed, for the program's workers */
};

/* Does all steps.  After an error the process is half in and must end. */
int jail_enter(struct jail *j, struct err *err);

/* Writes a switch of the kernel; an optional one may be missing or read-only. */
int jail_write_proc(const char *path, const char *value, bool is_optional, struct err *err);

/* Steps with files of their own.  jail_root.c: makes the new root and mounts
 * everything in it; makes it the root.  jail_etc.c: fills its /etc. */
int jail_root_make(struct jail *j, struct err *err);
int jail_root_enter(struct jail *j, struct err *err);
/* jail_hide.c: covers the set-uid and set-gid programs of what is mounted. */
int jail_hide(struct jail *j, struct err *err);
int jail_etc_make(struct jail *j, struct err *err);
/* jail_net.c: brings the network namespace to life, asks for the link, waits for it. */
int jail_net_begin(struct jail *j, struct err *err);
int jail_net_end(struct jail *j, struct err *err);
/* jail_wall.c: Landlock for this spec. */
int jail_wall(struct jail *j, struct err *err);

#endif
