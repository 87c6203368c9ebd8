/* SPDX-License-Identifier: Apache-2.0 */
/* Making, loading and removing the subtree that all groups lie in. */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/cgroup_find.h"
#include "schema/errors.h"

#define PROC_TEXT_MAX (256 * 1024)
#define REMOVE_WAIT_MS 10
#define REMOVE_TRIES 500	/* five seconds; killed processes end in milliseconds */

/* What a v2 tree must delegate, and what it does where it can. */
static const struct { const char *name; bool is_needed; } delegated[] = {
	{ "memory", true }, { "pids", true }, { "cpu", true }, { "io", false },
};

static int name_is_good(const char *name)
{
	return *name && *name != '.' && strlen(name) <= 64 &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789._-")] == '\0';
}

static int turn_on(const char *folder, struct err *err)
{
	char have[256];

	if (cgroup_text(folder, "cgroup.controllers", have, sizeof(have), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(delegated); i++) {
		char command[16], *at = strstr(have, delegated[i].name);
		size_t length = strlen(delegated[i].name);

		/* Whole words: "cpu" is also the beginning of "cpuset". */
		while (at && ((at != have && at[-1] != ' ') ||
			      (at[length] && !strchr(" \n", at[length]))))
			at = strstr(at + 1, delegated[i].name);
		if (!at && delegated[i].is_needed)
			return err_set(err, ERR_CGROUP, "the '%s' controller is missing in '%s': "
				       "enable it in the kernel and in the parent group (systemd: "
				       "Delegate=yes)", delegated[i].name, folder);
		(void)str_format(command, sizeof(command), "+%s", delegated[i].name);
		if (at && cgroup_write(folder, "cgroup.subtree_control", command, err) < 0 &&
		    delegated[i].is_needed)
			return errno != EBUSY ? -1 :
			       err_wrap(err, "other processes live in the group '%s'; give this "
					"program one of its own (systemd-run -p Delegate=yes ...)",
					folder);
	}
	return 0;
}

/* BASE, BASE/hold with this process in it, BASE/tenants. */
static int make_base(const char *base, struct err *err)
{
	char hold[CGROUP_FILE_MAX], tenants[CGROUP_FILE_MAX];

	(void)str_format(hold, sizeof(hold), "%s/hold", base);
	cgroup_path(tenants, base, 0, 0);
	if (cgroup_mkdir(base, err) < 0 || cgroup_mkdir(hold, err) < 0 ||
	    cgroup_mkdir(tenants, err) < 0)
		return -1;
	return cgroup_write_number(hold, "cgroup.procs", (uint64_t)getpid(), err);
}

/* True where the tree is the group that somebody gave us, false where it is a
 * folder of our own, in a hybrid machine or below the root of v2. */
static bool is_given(const struct cgroup_tree *t)
{
	char parent[CGROUP_FILE_MAX];

	(void)str_format(parent, sizeof(parent), "%s/..", t->unified);
	return t->is_unified &&
	       (!cgroup_has(parent, "cgroup.procs") || cgroup_has(parent, "cgroup.type"));
}

/* Moves us out, to where we came from, and removes the base. */
static int remove_base(const char *base, bool is_own_group, struct err *err)
{
	char parent[CGROUP_FILE_MAX], folder[CGROUP_FILE_MAX];

	cgroup_path(folder, base, 0, 0);
	if (cgroup_rmdir(folder, err) < 0)
		return -1;
	(void)str_format(folder, sizeof(folder), "%s/hold", base);
	(void)str_copy(parent, sizeof(parent), base);
	if (is_own_group) {
		/* A v2 group that hands controllers down may hold no process. */
		for (size_t i = 0; i < ARRAY_SIZE(delegated); i++) {
			char command[16];

			(void)str_format(command, sizeof(command), "-%s", delegated[i].name);
			(void)cgroup_write(base, "cgroup.subtree_control", command, NULL);
		}
	} else {
		*strrchr(parent, '/') = '\0';
	}
	if (cgroup_write_number(parent, "cgroup.procs", (uint64_t)getpid(), err) < 0 ||
	    cgroup_rmdir(folder, err) < 0)
		return -1;
	return is_own_group ? 0 : cgroup_rmdir(base, err);
}

/* The real root of v2 has no cgroup.type, and no limits; everywhere else we
 * stand in a group that somebody gave us. */
static int make_v2(struct cgroup_tree *t, const char *name, struct err *err)
{
	bool is_root = !cgroup_has(t->unified, "cgroup.type");
	char tenants[CGROUP_FILE_MAX];

	if (is_root) {
		if (turn_on(t->unified, err) < 0)
			return -1;
		size_t length = strlen(t->unified);

		if (str_format(t->unified + length, CGROUP_PATH_MAX - length, "/%s", name) < 0)
			return err_set(err, ERR_CGROUP, "the path of group '%s' is too long", name);
	}
	cgroup_path(tenants, t->unified, 0, 0);
	if (make_base(t->unified, err) == 0 && turn_on(t->unified, err) == 0 &&
	    turn_on(tenants, err) == 0)
		return 0;
	/* Leaves nothing of ours in a group that is not ours to use; where pools
	 * of a predecessor live, nothing is removed. */
	(void)remove_base(t->unified, !is_root, NULL);
	return -1;
}

static int make_hybrid_one(char base[CGROUP_PATH_MAX], bool is_memory, const char *name,
			   struct err *err)
{
	size_t length = strlen(base);

	if (str_format(base + length, CGROUP_PATH_MAX - length, "/%s", name) < 0)
		return err_set(err, ERR_CGROUP, "the path of group '%s' is too long", name);
	if (cgroup_mkdir(base, err) < 0)
		return -1;
	/* Old kernels count a tenant's generations only with this; it can be set
	 * only while there are no groups below. */
	if (is_memory && cgroup_number(base, "memory.use_hierarchy") == 0 &&
	    cgroup_write(base, "memory.use_hierarchy", "1", err) < 0)
		return -1;
	return make_base(base, err);
}

/* v1 hands no limit of ours to others and none of others to us: a folder below
 * our own group in each hierarchy, whoever else lives there. */
static int make_hybrid(struct cgroup_tree *t, const char *name, struct err *err)
{
	char *base[CGROUP_CONTROLLERS + 1];
	int i = 0;

	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		base[c] = t->v1[c];
	base[CGROUP_CONTROLLERS] = t->unified;
	for (i = 0; i <= CGROUP_CONTROLLERS; i++)
		if (base[i][0] && make_hybrid_one(base[i], i == CGROUP_MEMORY, name, err) < 0)
			break;
	if (i > CGROUP_CONTROLLERS)
		return 0;
	/* The first error is told, not those of the undoing. */
	for (int done = 0; done < i; done++)
		if (base[done][0])
			(void)remove_base(base[done], false, NULL);
	return -1;
}

/* Files of /proc have no size to go by. */
static int proc_text(const char *path, char *out, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n = 1;

	if (fd < 0)
		return err_sys(err, "open '%s'", path);
	while (n > 0 && have < size - 1) {
		n = read(fd, out + have, size - 1 - have);
		if (n < 0)
			return err_sys(err, "read '%s'", path);
		have += (size_t)n;
	}
	out[have] = '\0';
	return n == 0 ? 0 : err_set(err, ERR_CGROUP, "'%s' is longer than %zu bytes", path, size);
}

int cgroup_tree_make(const char *name, struct cgroup_tree *out, struct err *err)
{
	static char self[16 * 1024], mounts[PROC_TEXT_MAX];
	struct cgroup_tree t = { 0 };

	if (!name_is_good(name))
		return err_set(err, ERR_CGROUP, "'%s' is no name for a cgroup", name);
	if (proc_text("/proc/self/cgroup", self, sizeof(self), err) < 0 ||
	    proc_text("/proc/self/mountinfo", mounts, sizeof(mounts), err) < 0 ||
	    cgroup_find(self, mounts, &t, err) < 0)
		return -1;
	if ((t.is_unified ? make_v2(&t, name, err) : make_hybrid(&t, name, err)) < 0)
		return err_wrap(err, "make the cgroup tree");
	*out = t;
	return 0;
}

int cgroup_tree_load(const char *run_dir, struct cgroup_tree *out, struct err *err)
{
	struct cgroup_tree t;
	CLOSE_AT_EXIT int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '%s'", run_dir);
	if (file_read_record(dir, CGROUP_TREE_FILE, &t, sizeof(t), err) < 0)
		return err_wrap(err, "is tenant-tree running?");
	if (t.magic != CGROUP_MAGIC || t.version != CGROUP_VERSION || t.size != sizeof(t))
		return err_set(err, ERR_BAD_RECORD, "'%s/%s' is of another version", run_dir,
			       CGROUP_TREE_FILE);
	bool is_good = str_is_terminated(t.unified, sizeof(t.unified));

	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		is_good = is_good && str_is_terminated(t.v1[c], sizeof(t.v1[c]));
	if (!is_good || (t.is_unified ? !t.unified[0] : !t.v1[CGROUP_MEMORY][0] ||
	    !t.v1[CGROUP_PIDS][0] || !t.v1[CGROUP_CPU][0]))
		return err_set(err, ERR_BAD_RECORD, "'%s/%s' is damaged", run_dir,
			       CGROUP_TREE_FILE);
	*out = t;
	return 0;
}

struct removal {
	const struct cgroup_tree *t;
	struct err *err;
};

static int kill_tenant(uint32_t number, void *arg)
{
	const struct removal *r = arg;

	return cgroup_kill(r->t, number, 0, r->err);
}

static int remove_tenant(uint32_t number, void *arg)
{
	const struct removal *r = arg;

	return cgroup_remove(r->t, number, 0, r->err);
}

/* A killed process holds its group until it has ended. */
static int empty_tenants(const struct cgroup_tree *t, struct err *err)
{
	struct removal r = { t, err };
	int rc = -1;

	for (int tries = 0; rc < 0 && tries < REMOVE_TRIES; tries++) {
		if (tries > 0)
			(void)poll(NULL, 0, REMOVE_WAIT_MS);
		rc = cgroup_each_tenant(t, kill_tenant, &r, err);
		if (rc == 0)
			rc = cgroup_each_tenant(t, remove_tenant, &r, err);
	}
	return rc;
}

/* The base of a former tree, unless it is ours as well. */
static void remove_left(const char *base, const char *ours)
{
	char folder[CGROUP_FILE_MAX];

	if (!base[0] || strcmp(base, ours) == 0)
		return;
	cgroup_path(folder, base, 0, 0);
	(void)cgroup_rmdir(folder, NULL);	/* what is busy stays: it is empty of pools */
	(void)str_format(folder, sizeof(folder), "%s/hold", base);
	(void)cgroup_rmdir(folder, NULL);
	(void)cgroup_rmdir(base, NULL);
}

int cgroup_tree_replace(const struct cgroup_tree *old, const struct cgroup_tree *t,
			struct err *err)
{
	bool is_same = strcmp(old->unified, t->unified) == 0;

	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		is_same = is_same && strcmp(old->v1[c], t->v1[c]) == 0;
	if (is_same)
		return 0;
	if (empty_tenants(old, err) < 0)
		return err_wrap(err, "empty the cgroup tree of a predecessor");
	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		remove_left(old->v1[c], t->v1[c]);
	remove_left(old->unified, t->unified);
	return 0;
}

int cgroup_tree_remove(const struct cgroup_tree *t, struct err *err)
{
	if (empty_tenants(t, err) < 0)
		return err_wrap(err, "empty the cgroup tree");
	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		if (t->v1[c][0] && remove_base(t->v1[c], false, err) < 0)
			return err_wrap(err, "remove the cgroup tree");
	if (!t->unified[0])
		return 0;
	return remove_base(t->unified, is_given(t), err) < 0 ?
	       err_wrap(err, "remove the cgroup tree") : 0;
}
