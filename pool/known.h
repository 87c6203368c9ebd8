/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were checked, and whether they are the same still.  Opening a file to
 * look at it costs four system calls, asking the kernel for its attributes one: a
 * file of the same inode, owner, mode and time of change is what it was, since
 * whatever is done to its content, owner, mode or own name gives it another time.
 * A folder above it may have been moved, and a link to it stand there instead.
 */
#ifndef POOL_KNOWN_H
#define POOL_KNOWN_H

#include <stdbool.h>
#include <sys/stat.h>

#define KNOWN_MAX 8		/* a site has few that are asked for; then the oldest goes */
#define KNOWN_PATH_MAX 256

/* Zeroed means none. */
struct known {
	struct {
		char path[KNOWN_PATH_MAX];	/* below the folder */
		struct stat st;
	} file[KNOWN_MAX];
	unsigned next;
};

/* Notes a file as checked.  What has a longer path is never known. */
void known_add(struct known *k, const char *path, const struct stat *st);

/* True if the file at PATH below the folder is the one that was checked; *out is
 * what it is now. */
bool known_has(const struct known *k, int folder, const char *path, struct stat *out);

#endif
