/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of tenants and generations: make, attach, kill, remove, list. */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "sandbox/cgroup_files.h"
#include "schema/errors.h"

/* Calls back for the tree's folder in each hierarchy, the primary one first. */
static int each_base(const struct cgroup_tree *t,
		     int (*each)(const char *base, void *arg, struct err *err), void *arg,
		     struct err *err)
{
	const char *primary = cgroup_primary(t);
	int rc = each(primary, arg, err);

	for (int c = 0; rc == 0 && c < CGROUP_CONTROLLERS; c++)
		if (t->v1[c][0] && t->v1[c] != primary)
			rc = each(t->v1[c], arg, err);
	return rc;
}

struct place {
	uint32_t number, generation;
	pid_t pid;
};

static int make_group(const char *base, void *arg, struct err *err)
{
	const struct place *p = arg;
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, base, p->number, 0);
	if (cgroup_mkdir(folder, err) < 0)
		return -1;
	if (p->generation == 0)
		return 0;
	cgroup_path(folder, base, p->number, p->generation);
	return cgroup_mkdir(folder, err);
}

/* The limits without those whose wall a test has taken away. */
static struct spec_limits standing(const struct spec_limits *limits)
{
	struct spec_limits l = *limits;

	if (mutant_is_off("memory-max"))
		l.memory_max = UINT64_MAX;
	if (mutant_is_off("swap-max"))
		l.memory_swap_max = UINT64_MAX;
	if (mutant_is_off("pids-max"))
		l.pids_max = UINT64_MAX;
	if (mutant_is_off("cpu-quota"))
		l.cpu_quota = UINT64_MAX;
	if (mutant_is_off("cpu-weight"))
		l.cpu_weight = 100;
	if (mutant_is_off("io-weight"))
		l.io_weight = 100;
	return l;
}

int cgroup_set_limits(const struct cgroup_tree *t, uint32_t number,
		      const struct spec_limits *limits, struct err *err)
{
	struct place p = { .number = number };
	struct spec_limits l = standing(limits);
	int rc = each_base(t, make_group, &p, err);

	if (rc == 0)
		rc = t->is_unified ? cgroup_v2_set_limits(t, number, &l, err) :
				     cgroup_v1_set_limits(t, number, &l, err);
	return rc < 0 ? err_wrap(err, "limits of %u", number) : 0;
}

int cgroup_generation_make(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
			   int *out_fd, struct err *err)
{
	struct place p = { .number = number, .generation = generation };
	char folder[CGROUP_FILE_MAX];

	if (each_base(t, make_group, &p, err) < 0)
		return err_wrap(err, "group of %u, generation %u", number, generation);
	if (!t->unified[0]) {
		*out_fd = -1;
		return 0;
	}
	cgroup_path(folder, t->unified, number, generation);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open group '%s'", folder);
	*out_fd = fd;
	return 0;
}

int cgroup_attach(const struct cgroup_tree *t, uint32_t number, uint32_t generation, pid_t pid,
		  struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
		if (!t->v1[c][0])
			continue;
		cgroup_path(folder, t->v1[c], number, generation);
		if (cgroup_write_number(folder, "cgroup.procs", (uint64_t)pid, err) < 0)
			return err_wrap(err, "attach process %d", (int)pid);
	}
	return 0;
}

static int kill_one(pid_t pid, void *arg)
{
	(void)arg;
	(void)kill(pid, SIGKILL);	/* ESRCH: it left by itself */
	return 0;
}

/* Without cgroup.kill: frozen, nobody can fork away from the signals.  A
 * frozen v1 group lets SIGKILL through only when it thaws. */
static int kill_frozen(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		       struct err *err)
{
	char freezer[CGROUP_FILE_MAX] = "";
	bool is_frozen = false;

	if (t->v1[CGROUP_FREEZER][0]) {
		cgroup_path(freezer, t->v1[CGROUP_FREEZER], number, generation);
		is_frozen = cgroup_write(freezer, "freezer.state", "FROZEN", NULL) == 0;
	}
	int rc = cgroup_each_pid(t, number, generation, kill_one, NULL, err);

	if (is_frozen && cgroup_write(freezer, "freezer.state", "THAWED", err) < 0)
		return -1;
	return rc;
}

int cgroup_kill(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, cgroup_primary(t), number, generation);
	if (!cgroup_has(folder, "cgroup.procs") || mutant_is_off("group-kill"))
		return 0;
	if (!cgroup_has(folder, "cgroup.kill"))
		return kill_frozen(t, number, generation, err);
	if (cgroup_write(folder, "cgroup.kill", "1", err) < 0)
		/* Removed since we looked: nothing there is success. */
		return errno == ENOENT || errno == ENODEV ? 0 :
		       err_wrap(err, "kill group of %u", number);
	return 0;
}

static int stop_at_first(pid_t pid, void *arg)
{
	(void)pid;
	(void)arg;
	return 1;
}

int cgroup_is_populated(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
			struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	if (!t->unified[0])
		return cgroup_each_pid(t, number, generation, stop_at_first, NULL, err);
	cgroup_path(folder, t->unified, number, generation);
	return cgroup_keyed(folder, "cgroup.events", "populated") != 0;
}

static int remove_group(const char *base, void *arg, struct err *err)
{
	const struct place *p = arg;
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, base, p->number, p->generation);
	return cgroup_rmdir(folder, err);
}

static int remove_place(const struct cgroup_tree *t, struct place *p, struct err *err)
{
	const char *primary = cgroup_primary(t);

	/* The primary last: while it is there, a later run still finds the rest. */
	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		if (t->v1[c][0] && t->v1[c] != primary && remove_group(t->v1[c], p, err) < 0)
			return -1;
	return remove_group(primary, p, err);
}

struct removal {
	const struct cgroup_tree *t;
	struct err *err;
	uint32_t number;
};

static int remove_generation(uint32_t generation, void *arg)
{
	const struct removal *r = arg;
	struct place p = { .number = r->number, .generation = generation };

	return remove_place(r->t, &p, r->err);
}

int cgroup_remove(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		  struct err *err)
{
	struct place p = { .number = number, .generation = generation };
	struct removal r = { t, err, number };

	if (generation == 0 &&
	    cgroup_each_generation(t, number, remove_generation, &r, err) < 0)
		return -1;
	return remove_place(t, &p, err);
}

int cgroup_each_generation(const struct cgroup_tree *t, uint32_t number,
			   int (*each)(uint32_t generation, void *arg), void *arg, struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, cgroup_primary(t), number, 0);
	return cgroup_each_number(folder, "g", each, arg, err);
}

int cgroup_each_tenant(const struct cgroup_tree *t, int (*each)(uint32_t number, void *arg),
		       void *arg, struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, cgroup_primary(t), 0, 0);
	return cgroup_each_number(folder, "", each, arg, err);
}

struct walk {
	const struct cgroup_tree *t;
	int (*each)(pid_t pid, void *arg);
	void *arg;
	struct err *err;
	uint32_t number;
};

static int walk_generation(uint32_t generation, void *arg)
{
	const struct walk *w = arg;
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, cgroup_primary(w->t), w->number, generation);
	return cgroup_each_proc(folder, w->each, w->arg, w->err);
}

int cgroup_each_pid(const struct cgroup_tree *t, uint32_t number, uint32_t generation,
		    int (*each)(pid_t pid, void *arg), void *arg, struct err *err)
{
	struct walk w = { t, each, arg, err, number };

	return generation > 0 ? walk_generation(generation, &w) :
	       cgroup_each_generation(t, number, walk_generation, &w, err);
}

int cgroup_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out,
		struct err *err)
{
	struct cgroup_facts facts = { .cpu_usage_us = UINT64_MAX };
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, cgroup_primary(t), number, 0);
	if (!cgroup_has(folder, "cgroup.procs"))
		return err_set(err, ERR_CGROUP, "there is no group '%s'", folder);
	if (t->is_unified)
		cgroup_v2_read(t, number, &facts);
	else
		cgroup_v1_read(t, number, &facts);
	*out = facts;
	return 0;
}

uint64_t cgroup_memory_used(const struct cgroup_tree *t, uint32_t number)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, t->is_unified ? t->unified : t->v1[CGROUP_MEMORY], number, 0);
	if (!cgroup_has(folder, "memory.stat"))
		return UINT64_MAX;
	return cgroup_keyed(folder, "memory.stat", t->is_unified ? "anon" : "total_rss") +
	       cgroup_keyed(folder, "memory.stat",
			    t->is_unified ? "file_mapped" : "total_mapped_file");
}

uint64_t cgroup_memory_held(const struct cgroup_tree *t, uint32_t number)
{
	struct cgroup_facts facts;
	char folder[CGROUP_FILE_MAX];
	uint64_t files = 0;

	cgroup_path(folder, t->is_unified ? t->unified : t->v1[CGROUP_MEMORY], number, 0);
	if (cgroup_read(t, number, &facts, NULL) < 0 || !cgroup_has(folder, "memory.stat"))
		return UINT64_MAX;
	files = cgroup_keyed(folder, "memory.stat",
			     t->is_unified ? "inactive_file" : "total_inactive_file") +
		cgroup_keyed(folder, "memory.stat",
			     t->is_unified ? "active_file" : "total_active_file");
	return facts.memory_current > files ? facts.memory_current - files : 0;
}
