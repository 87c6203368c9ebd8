/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits and facts on pure cgroup v2 (Documentation/admin-guide/cgroup-v2.rst).
 * memory.oom.group stays 0: one worker that meets the limit dies alone, the
 * master sees it and starts another.  If the kernel picks the master after
 * all, the pid namespace ends as a whole, so nothing half dead is left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/cgroup_files.h"

#define CPU_PERIOD_US 100000

static int set_max(const char *folder, const char *name, uint64_t value, struct err *err)
{
	return value == UINT64_MAX ? cgroup_write(folder, name, "max", err) :
				     cgroup_write_number(folder, name, value, err);
}

/* What this kernel has no file for, and a file system without a disk, is not
 * bounded; machine.c tells. */
static int io_set(const struct cgroup_tree *t, const char *folder, const struct spec_limits *l,
		  struct err *err)
{
	/* BFQ's own file knows weights up to 1000. */
	uint64_t bfq = l->io_weight > 1000 ? 1000 : l->io_weight;
	char rate[24] = "max", line[80];

	if (cgroup_has(folder, "io.bfq.weight") &&
	    cgroup_write_number(folder, "io.bfq.weight", bfq, err) < 0)
		return -1;
	if (cgroup_has(folder, "io.weight") &&
	    cgroup_write_number(folder, "io.weight", l->io_weight, err) < 0)
		return -1;
	if (!cgroup_has(folder, "io.max") || t->io_major == 0)
		return 0;
	if (l->io_max != UINT64_MAX)
		(void)str_format(rate, sizeof(rate), "%llu", (unsigned long long)l->io_max);
	(void)str_format(line, sizeof(line), "%u:%u rbps=%s wbps=%s", t->io_major, t->io_minor,
			 rate, rate);
	/* A disk that cannot be bounded does no harm where no bound is wanted. */
	if (l->io_max == UINT64_MAX) {
		(void)cgroup_write(folder, "io.max", line, NULL);
		return 0;
	}
	return cgroup_write(folder, "io.max", line, err);
}

int cgroup_v2_set_limits(const struct cgroup_tree *t, uint32_t number,
			 const struct spec_limits *limits, struct err *err)
{
	char folder[CGROUP_FILE_MAX], cpu[48];

	cgroup_path(folder, t->unified, number, 0);
	if (limits->cpu_quota == UINT64_MAX)
		(void)str_format(cpu, sizeof(cpu), "max %d", CPU_PERIOD_US);
	else
		(void)str_format(cpu, sizeof(cpu), "%llu %d",
				 (unsigned long long)(limits->cpu_quota * (CPU_PERIOD_US / 100)),
				 CPU_PERIOD_US);
	/* Swap before memory: a smaller memory.max must not push into swap what
	 * the new swap limit forbids.  Without swap accounting (swapaccount=0,
	 * no CONFIG_SWAP) there is nothing to limit. */
	if (cgroup_has(folder, "memory.swap.max") &&
	    set_max(folder, "memory.swap.max", limits->memory_swap_max, err) < 0)
		return -1;
	if (set_max(folder, "memory.max", limits->memory_max, err) < 0 ||
	    set_max(folder, "pids.max", limits->pids_max, err) < 0 ||
	    cgroup_write(folder, "cpu.max", cpu, err) < 0)
		return -1;
	if (cgroup_write_number(folder, "cpu.weight", limits->cpu_weight, err) < 0)
		return -1;
	return io_set(t, folder, limits, err);
}

/* "QUOTA PERIOD" or "max PERIOD", as per cent. */
static uint64_t quota_read(const char *folder)
{
	char text[64];

	if (cgroup_text(folder, "cpu.max", text, sizeof(text), NULL) < 0 ||
	    text[0] < '0' || text[0] > '9')
		return UINT64_MAX;
	char *end = NULL;
	uint64_t quota = strtoull(text, &end, 10);
	uint64_t period = strtoull(end, NULL, 10);

	return period == 0 || quota > UINT64_MAX / 100 ? UINT64_MAX : quota * 100 / period;
}

struct sum {
	const struct cgroup_tree *t;
	uint32_t number;
	uint64_t hits;
};

static int add_generation(uint32_t generation, void *arg)
{
	struct sum *s = arg;
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, s->t->unified, s->number, generation);
	s->hits += cgroup_keyed(folder, "pids.events", "max");
	return 0;
}

/* Newer kernels count where the limit stands, and below it in pids.events.local;
 * older ones count only where the process is, in gK (6.1 does). */
static uint64_t pids_hits(const struct cgroup_tree *t, uint32_t number, const char *folder)
{
	struct sum s = { t, number, 0 };
	uint64_t own = cgroup_keyed(folder, "pids.events", "max");

	(void)cgroup_each_generation(t, number, add_generation, &s, NULL);
	return own > s.hits ? own : s.hits;
}

void cgroup_v2_read(const struct cgroup_tree *t, uint32_t number, struct cgroup_facts *out)
{
	char folder[CGROUP_FILE_MAX];

	cgroup_path(folder, t->unified, number, 0);
	out->memory_current = cgroup_number(folder, "memory.current");
	out->memory_max = cgroup_number(folder, "memory.max");
	out->memory_oom_kill = cgroup_keyed(folder, "memory.events", "oom_kill");
	out->memory_max_hit = cgroup_keyed(folder, "memory.events", "max");
	out->pids_current = cgroup_number(folder, "pids.current");
	out->pids_max = cgroup_number(folder, "pids.max");
	out->pids_max_hit = pids_hits(t, number, folder);
	out->cpu_usage_us = cgroup_keyed(folder, "cpu.stat", "usage_usec");
	out->cpu_nr_throttled = cgroup_keyed(folder, "cpu.stat", "nr_throttled");
	out->cpu_throttled_us = cgroup_keyed(folder, "cpu.stat", "throttled_usec");
	out->cpu_quota = quota_read(folder);
}
