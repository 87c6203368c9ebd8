/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups, one interface over two worlds: pure cgroup v2, and hybrid
 * machines with the controllers on v1 and a bare v2 tree for cgroup.kill
 * (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/).
 *
 * A tree is our own subtree, found and made by tenant-tree and written as a
 * record into the run folder; everyone else loads that record.  Below it:
 * tenants/N carries the limits, tenants/N/gK holds a pool's processes.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sandbox/spec.h"

#define CGROUP_MAGIC 0x544e5443u	/* "TNTC" */
#define CGROUP_VERSION 2u
#define CGROUP_PATH_MAX 400

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CPUACCT, CGROUP_IO,
			 CGROUP_FREEZER, CGROUP_CONTROLLERS };

/* The record `tree` in the run folder. */
struct cgroup_tree {
	uint32_t magic, version, size;
	uint32_t is_unified;		/* 1: pure v2 */
	/* The disk whose use is bounded, 0:0 for none; filled by who loads the record. */
	uint32_t io_major, io_minor;
	/* v2: our folder in the v2 hierarchy (hybrid: in the bare one, or ""). */
	char unified[CGROUP_PATH_MAX];
	/* hybrid: our folder per controller; "" where the controller is absent. */
	char v1[CGROUP_CONTROLLERS][CGROUP_PATH_MAX];
};

#define CGROUP_TREE_FILE "tree"

/* Finds where we may make groups (own path in /proc/self/cgroup), makes the
 * subtree NAME there with `hold` and `tenants`, moves this process into hold,
 * turns the controllers on.  On v2 the process's own group becomes the tree
 * when it is delegated to us (a systemd unit).  A missing controller is
 * ERR_CGROUP and named.  For tenant-tree. */
int cgroup_tree_make(const char *name, struct cgroup_tree *out, struct err *err);

/* Kills whatever lives in the tree and removes it.  For tenant-tree. */
int cgroup_tree_remove(const struct cgroup_tree *t, struct err *err);

/* After cgroup_tree_make(): a tree that a killed predecessor left elsewhere, of
 * which nobody would limit or kill anything again.  Kills what lives in OLD, its
 * record, and removes what is not also part of T.  The same tree: nothing. */
int cgroup_tree_replace(const struct cgroup_tree *old, const struct cgroup_tree *t,
			struct err *err);

int cgroup_tree_load(const char *run_dir, struct cgroup_tree *out, struct err *err);

/* Makes tenants/N if needed and sets its limits; also under a running pool. */
int cgroup_set_limits(const struct cgroup_tree *t, uint32_t number,
		      const struct spec_limits *limits, struct err *err);

/* Makes tenants/N/gK.  *out_fd becomes a descriptor for CLONE_INTO_CGROUP
 * (clone(2)), the caller's; -1 where there is no v2 tree.  After the clone
 * cgroup_attach() puts the child into the v1 groups; it does nothing on v2. */
int cgroup_generation_make(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
			   int *out_fd, struct err *err);
int cgroup_attach(const struct cgroup_tree *t, uint32_t number, uint32_t generation, pid_t pid,
		  struct err *err);

/* Kills all in gK; GENERATION 0: all of the tenant.  Returns at once: wait for
 * cgroup_is_populated() to become false.  Nothing there is success. */
int cgroup_kill(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		struct err *err);

/* 1 while a process lives in gK (0: in the tenant), 0 if not or not there, -1. */
int cgroup_is_populated(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
			struct err *err);

/* Removes an empty gK (0: the tenant's group with empty generations).  Not
 * there is success; EBUSY in err->sys while processes live. */
int cgroup_remove(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		  struct err *err);

/* Calls back for each generation folder / pid; a non-zero return stops. */
int cgroup_each_generation(const struct cgroup_tree *t, uint32_t number,
			   int (*each)(uint32_t generation, void *arg), void *arg, struct err *err);
int cgroup_each_pid(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		    int (*each)(pid_t pid, void *arg), void *arg, struct err *err);
/* Numbers of all tenants that have a group. */
int cgroup_each_tenant(const struct cgroup_tree *t, int (*each)(uint32_t number, void *arg),
		       void *arg, struct err *err);

/* What the kernel counts and enforces; UINT64_MAX where unknown or no limit. */
struct cgroup_facts {
	uint64_t memory_current, memory_max, memory_oom_kill, memory_max_hit;
	uint64_t pids_current, pids_max, pids_max_hit;
	uint64_t cpu_usage_us, cpu_nr_throttled, cpu_throttled_us, cpu_quota;
};
int cgroup_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out,
		struct err *err);

/* Bytes that the tenant's processes have mapped and the group was charged for: each page
 * once, however many share it.  UINT64_MAX: not known.  Reading PSS of a process would wait
 * for a lock that the process can hold for long. */
uint64_t cgroup_memory_used(const struct cgroup_tree *t, uint32_t number);

/* Bytes of the group that the kernel cannot take back: all but the cache of files.
 * UINT64_MAX: not known. */
uint64_t cgroup_memory_held(const struct cgroup_tree *t, uint32_t number);

#endif
