/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the cgroup module share: where a group lies, and reading
 * and writing the kernel's small files.  All names below a tree are made from
 * numbers, so paths are joined here without harm.
 */
#ifndef SANDBOX_CGROUP_FILES_H
#define SANDBOX_CGROUP_FILES_H

#include "sandbox/cgroup.h"

#define CGROUP_FILE_MAX (CGROUP_PATH_MAX + 96)

/* The name in /proc/self/cgroup and on v2; of IO on v1 "blkio". */
extern const char *const cgroup_controller_names[CGROUP_CONTROLLERS];

/* BASE/tenants, BASE/tenants/N, BASE/tenants/N/gK: NUMBER or GENERATION 0
 * stops before that part.  BASE is one of the tree's folders. */
void cgroup_path(char out[CGROUP_FILE_MAX], const char *base, uint32_t number,
		 uint32_t generation);

/* The hierarchy that is made first and removed last, so that it knows every
 * group: v2 where there is one, else v1's pids. */
const char *cgroup_primary(const struct cgroup_tree *t);

/* Writes one value to FOLDER/NAME.  ERR_CGROUP; errno stays, also in err->sys. */
int cgroup_write(const char *folder, const char *name, const char *value, struct err *err);
int cgroup_write_number(const char *folder, const char *name, uint64_t value, struct err *err);

/* Reads FOLDER/NAME as text; cut at SIZE. */
int cgroup_text(const char *folder, const char *name, char *out, size_t size, struct err *err);

/* The file's one number, UINT64_MAX for "max", for no number, for no file. */
uint64_t cgroup_number(const char *folder, const char *name);

/* The number after KEY in a file of "key value" lines; 0 if not there. */
uint64_t cgroup_keyed(const char *folder, const char *name, const char *key);

bool cgroup_has(const char *folder, const char *name);

/* mkdir that accepts a folder that is there. */
int cgroup_mkdir(const char *folder, struct err *err);
/* rmdir that accepts nothing there; err->sys is EBUSY while processes live. */
int cgroup_rmdir(const char *folder, struct err *err);

/* Calls back for each entry PREFIX<number> of a folder; no folder is none. */
int cgroup_each_number(const char *folder, const char *prefix,
		       int (*each)(uint32_t number, void *arg), void *arg, struct err *err);
/* Calls back for each pid in the folder's own cgroup.procs. */
int cgroup_each_proc(const char *folder, int (*each)(pid_t pid, void *arg), void *arg,
		     struct err *err);

/* The two backends; NUMBER's group exists. */
int cgroup_v1_set_limits(const struct cgroup_tree *t, uint32_t number,
			 const struct spec_limits *limits, struct err *err);
int cgroup_v2_set_limits(const struct cgroup_tree *t, uint32_t number,
			 const struct spec_limits *limits, struct err *err);
void cgroup_v1_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out);
void cgroup_v2_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out);

#endif
