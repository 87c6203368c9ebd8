/* SPDX-License-Identifier: Apache-2.0 */
/* Where this process may make groups: pure reading of two kernel texts. */
#ifndef SANDBOX_CGROUP_FIND_H
#define SANDBOX_CGROUP_FIND_H

#include "sandbox/cgroup.h"

/* From the texts of /proc/self/cgroup and /proc/self/mountinfo: fills
 * is_unified, and in `unified` and `v1` this process's OWN groups as absolute
 * paths, "" where a hierarchy is not mounted.  Both texts are cut up on the way.
 * Unified means that no controller we need is on v1.  ERR_CGROUP names what is
 * missing. */
int cgroup_find(char *self_cgroup, char *mountinfo, struct cgroup_tree *out, struct err *err);

#endif
