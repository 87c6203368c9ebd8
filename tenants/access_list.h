/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX access lists, as little of them as is needed: one more group on a
 * folder of root's (acl(5)).
 */
#ifndef TENANTS_ACCESS_LIST_H
#define TENANTS_ACCESS_LIST_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum { ACCESS_PASS = 1, ACCESS_READ = 5 };

/* Gives group GID these rights on a folder whose mode is 0750; the mode stays.
 * INHERITED: files made there later get them too, bounded by the group part of
 * their own mode.  A file system without access lists is success: then nobody
 * gets more than the mode says. */
int access_list_add(int dir, gid_t gid, unsigned rights, bool is_inherited, struct err *err);

#endif
