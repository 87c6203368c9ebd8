/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits and facts on the v1 controllers of a hybrid machine
 * (Documentation/admin-guide/cgroup-v1/).
 */
#include <errno.h>

#include "base/str.h"
#include "sandbox/cgroup_files.h"

#define CPU_PERIOD_US 100000

static int memory_set(const char *folder, const struct spec_limits *l, struct err *err)
{
	bool has_swap = cgroup_has(folder, "memory.memsw.limit_in_bytes");
	bool is_open = l->memory_max == UINT64_MAX;
	/* memsw counts memory and swap together. */
	bool is_swap_open = is_open || l->memory_swap_max > UINT64_MAX / 2 - l->memory_max;
	char memory[32] = "-1", both[32] = "-1";

	if (!is_open)
		(void)str_format(memory, sizeof(memory), "%llu",
				 (unsigned long long)l->memory_max);
	if (!is_swap_open)
		(void)str_format(both, sizeof(both), "%llu",
				 (unsigned long long)(l->memory_max + l->memory_swap_max));
	/* At no time may memory exceed memsw: the growing one goes first. */
	bool is_growing = has_swap && (is_open || l->memory_max >
			  cgroup_number(folder, "memory.memsw.limit_in_bytes"));

	if (is_growing && cgroup_write(folder, "memory.memsw.limit_in_bytes", both, err) < 0)
		return -1;
	if (cgroup_write(folder, "memory.limit_in_bytes", memory, err) < 0)
		return -1;
	return has_swap && !is_growing ?
	       cgroup_write(folder, "memory.memsw.limit_in_bytes", both, err) : 0;
}

static int cpu_set(const char *folder, const struct spec_limits *l, struct err *err)
{
	/* v2's default weight 100 is v1's default 1024 shares. */
	uint64_t shares = l->cpu_weight * 1024 / 100;

	if (l->cpu_quota == UINT64_MAX) {
		if (cgroup_write(folder, "cpu.cfs_quota_us", "-1", err) < 0)
			return -1;
	} else if (cgroup_write_number(folder, "cpu.cfs_period_us", CPU_PERIOD_US, err) < 0 ||
		   cgroup_write_number(folder, "cpu.cfs_quota_us",
				       l->cpu_quota * (CPU_PERIOD_US / 100), err) < 0) {
		return -1;
	}
	return cgroup_write_number(folder, "cpu.shares", shares < 2 ? 2 : shares, err);
}

int cgroup_v1_set_limits(const struct cgroup_tree *t, uint32_t number,
			 const struct spec_limits *limits, struct err *err)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, t->v1[CGROUP_MEMORY], number, 0);
	if (memory_set(folder, limits, err) < 0)
		return -1;
	cgroup_path(folder, t->v1[CGROUP_PIDS], number, 0);
	if (limits->pids_max == UINT64_MAX ?
	    cgroup_write(folder, "pids.max", "max", err) < 0 :
	    cgroup_write_number(folder, "pids.max", limits->pids_max, err) < 0)
		return -1;
	cgroup_path(folder, t->v1[CGROUP_CPU], number, 0);
	return cpu_set(folder, limits, err);
}

/* On v1 these events are counted where the process is, in gK, and do not add
 * up towards the tenant's group. */
struct sum {
	const struct cgroup_tree *t;
	struct cgroup_facts *facts;
	uint32_t number;
};

static int add_generation(uint32_t generation, void *arg)
{
	struct sum *s = arg;
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, s->t->v1[CGROUP_MEMORY], s->number, generation);
	s->facts->memory_oom_kill += cgroup_keyed(folder, "memory.oom_control", "oom_kill");
	cgroup_path(folder, s->t->v1[CGROUP_PIDS], s->number, generation);
	s->facts->pids_max_hit += cgroup_keyed(folder, "pids.events", "max");
	return 0;
}

/* v1 shows "no limit" as the highest multiple of the page size. */
static uint64_t limit_or_none(uint64_t bytes)
{
	return bytes >= (UINT64_C(1) << 62) ? UINT64_MAX : bytes;
}

void cgroup_v1_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out)
{
	struct sum sum = { t, out, number };
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, t->v1[CGROUP_MEMORY], number, 0);
	out->memory_current = cgroup_number(folder, "memory.usage_in_bytes");
	out->memory_max = limit_or_none(cgroup_number(folder, "memory.limit_in_bytes"));
	out->memory_max_hit = cgroup_number(folder, "memory.failcnt");
	/* Newer kernels do not count failures; the high-water mark still tells. */
	if (out->memory_max_hit == 0 && out->memory_max != UINT64_MAX)
		out->memory_max_hit = cgroup_number(folder, "memory.max_usage_in_bytes") >=
				      out->memory_max;
	out->memory_oom_kill = cgroup_keyed(folder, "memory.oom_control", "oom_kill");
	cgroup_path(folder, t->v1[CGROUP_PIDS], number, 0);
	out->pids_current = cgroup_number(folder, "pids.current");
	out->pids_max = cgroup_number(folder, "pids.max");
	out->pids_max_hit = cgroup_keyed(folder, "pids.events", "max");
	(void)cgroup_each_generation(t, number, add_generation, &sum, NULL);
	cgroup_path(folder, t->v1[CGROUP_CPU], number, 0);
	out->cpu_nr_throttled = cgroup_keyed(folder, "cpu.stat", "nr_throttled");
	out->cpu_throttled_us = cgroup_keyed(folder, "cpu.stat", "throttled_time") / 1000;
	uint64_t quota = cgroup_number(folder, "cpu.cfs_quota_us");	/* "-1": no number */

	out->cpu_quota = quota == UINT64_MAX ? UINT64_MAX : quota / (CPU_PERIOD_US / 100);
	if (!t->v1[CGROUP_CPUACCT][0])
		return;
	cgroup_path(folder, t->v1[CGROUP_CPUACCT], number, 0);
	uint64_t usage = cgroup_number(folder, "cpuacct.usage");

	out->cpu_usage_us = usage == UINT64_MAX ? UINT64_MAX : usage / 1000;
}
