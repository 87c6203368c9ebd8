/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up capabilities for good (capabilities(7)), by libcap.
 */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

#include <stddef.h>
#include <sys/capability.h>
#include <sys/types.h>

#include "base/err.h"

/* Keeps only these in the bounding, permitted and effective sets (those of
 * them that the process has); inheritable and ambient become empty.  A child
 * that root execs gets the bounding set again, so each program calls this for
 * itself with its own short list.  Single-threaded callers only. */
int caps_keep(const cap_value_t *keep, size_t count, struct err *err);

/* Becomes this uid and gid with no other group and no capability at all,
 * sets no_new_privs, and checks that none of it can be undone. */
int caps_drop_to(uid_t uid, gid_t gid, struct err *err);

#endif
