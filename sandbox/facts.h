/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel enforces on living processes and on a group, read back from
 * /proc and cgroupfs as it stands there: nothing is parsed here.
 */
#ifndef SANDBOX_FACTS_H
#define SANDBOX_FACTS_H

#include <sys/types.h>

#include "sandbox/cgroup.h"
#include "schema/wire.h"

/* Fills process, and MOUNTS (may be NULL) of SIZE bytes.  The pid may be another
 * process's by the time this returns: the caller, who holds a pidfd or finds it
 * in its group, checks that afterwards. */
void facts_process(pid_t pid, struct wire_process *out, char *mounts, size_t size);

/* Inodes of the namespaces of a process; 0 where one cannot be read. */
void facts_namespaces(pid_t pid, uint64_t out[JAIL_NAMESPACES]);

/* The values of the tenant's group. */
void facts_cgroup(const struct cgroup_tree *t, uint32_t number, struct wire_jail *out);

#endif
