/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project quota (quotactl(2), ext4 and XFS mounted with prjquota): how many bytes
 * and inodes all files of one project may take.  What is made in a folder of a
 * project belongs to it; only root can change that, since the system call filter
 * refuses the ioctl.  FD is any folder of the file system.
 */
#ifndef SANDBOX_QUOTA_H
#define SANDBOX_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct quota_facts {
	uint64_t bytes, bytes_max;	/* max UINT64_MAX: no limit */
	uint64_t inodes, inodes_max;
};

/* 0 if the file system enforces project quotas, else an errno that says why not. */
int quota_missing(int fd);

/* Sets both limits; UINT64_MAX: none.  Needs CAP_SYS_ADMIN.  Nothing to do where
 * quota_missing(). */
int quota_set(int fd, uint32_t project, uint64_t bytes, uint64_t inodes, struct err *err);

int quota_read(int fd, uint32_t project, struct quota_facts *out, struct err *err);

/* Makes the folder NAME in DIR and all below it part of a project: folders first,
 * so that nothing new escapes, and NAME itself last, as the mark that all is done.
 * No link is followed; links, pipes and sockets are left out: they hold no data. */
int quota_adopt(int dir, const char *name, uint32_t project, struct err *err);

/* True if NAME in DIR is a folder that hands this project down. */
bool quota_is_adopted(int dir, const char *name, uint32_t project);

#endif
