/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both backends write and read, against folders of plain files that stand
 * in for the kernel's: the texts are the interface.  Real groups are tried by
 * tests/root/test_sandbox.py and in the virtual machine.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/cgroup.h"
#include "schema/errors.h"

static char top[] = "/tmp/test_cgroup.XXXXXX";
static struct cgroup_tree v2, v1;

static void put(const char *folder, const char *name, const char *text)
{
	char path[1024];
	FILE *f;

	assert_int_equal(str_format(path, sizeof(path), "%s/%s", folder, name), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect(const char *folder, const char *name, const char *text)
{
	char path[1024], have[256];
	struct err err = { 0 };

	assert_int_equal(str_format(path, sizeof(path), "%s/%s", folder, name), 0);
	ssize_t n = file_read(AT_FDCWD, path, have, sizeof(have) - 1, &err);

	assert_true(n >= 0);
	have[n] = '\0';
	assert_string_equal(have, text);
}

static void folder_make(const char *path)
{
	char part[1024];

	for (size_t i = 1; i <= strlen(path); i++)
		if (path[i] == '/' || path[i] == '\0') {
			(void)str_format(part, sizeof(part), "%.*s", (int)i, path);
			assert_true(mkdir(part, 0755) == 0 || errno == EEXIST);
		}
}

static const char *place(char out[1024], const char *base, const char *tail)
{
	assert_int_equal(str_format(out, 1024, "%s/tenants/%s", base, tail), 0);
	folder_make(out);
	return out;
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	v2 = (struct cgroup_tree){ .magic = CGROUP_MAGIC, .version = CGROUP_VERSION,
				   .size = sizeof(v2), .is_unified = 1, .io_major = 8 };
	(void)str_format(v2.unified, sizeof(v2.unified), "%s/v2", top);
	v1 = (struct cgroup_tree){ .magic = CGROUP_MAGIC, .version = CGROUP_VERSION,
				   .size = sizeof(v1) };
	(void)str_format(v1.v1[CGROUP_MEMORY], CGROUP_PATH_MAX, "%s/memory/x", top);
	(void)str_format(v1.v1[CGROUP_PIDS], CGROUP_PATH_MAX, "%s/pids/x", top);
	(void)str_format(v1.v1[CGROUP_CPU], CGROUP_PATH_MAX, "%s/cpu/x", top);
	(void)str_format(v1.v1[CGROUP_CPUACCT], CGROUP_PATH_MAX, "%s/cpuacct/x", top);
	return 0;
}

static int teardown(void **state)
{
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	return file_remove_tree(tmp, top + 5, NULL);
}

static const struct spec_limits some = {
	.memory_max = 512 << 20, .memory_swap_max = 0, .pids_max = 100, .cpu_quota = 150,
	.cpu_weight = 200, .open_files = 1024, .io_weight = 2000, .io_max = 1 << 20,
};
static const struct spec_limits none = {
	.memory_max = UINT64_MAX, .memory_swap_max = UINT64_MAX, .pids_max = UINT64_MAX,
	.cpu_quota = UINT64_MAX, .cpu_weight = 1, .io_weight = 1, .io_max = UINT64_MAX,
};

static void v2_limits(void **state)
{
	char n[1024];
	struct err err = { 0 };

	(void)state;
	place(n, v2.unified, "7");
	/* Shorter texts are written over longer ones, so each begins anew. */
	for (int round = 0; round < 2; round++) {
		static const char *const names[] = { "memory.max", "memory.swap.max", "pids.max",
						     "cpu.max", "cpu.weight", "io.weight",
						     "io.bfq.weight", "io.max" };

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			put(n, names[i], "");
		assert_int_equal(cgroup_set_limits(&v2, 7, round ? &none : &some, &err), 0);
		expect(n, "memory.max", round ? "max" : "536870912");
		expect(n, "memory.swap.max", round ? "max" : "0");
		expect(n, "pids.max", round ? "max" : "100");
		expect(n, "cpu.max", round ? "max 100000" : "150000 100000");
		expect(n, "cpu.weight", round ? "1" : "200");
		expect(n, "io.weight", round ? "1" : "2000");
		expect(n, "io.bfq.weight", round ? "1" : "1000");
		expect(n, "io.max", round ? "8:0 rbps=max wbps=max" :
		       "8:0 rbps=1048576 wbps=1048576");
	}
	/* Without swap accounting there is nothing to set. */
	char swap[1100];

	(void)str_format(swap, sizeof(swap), "%s/memory.swap.max", n);
	assert_int_equal(unlink(swap), 0);
	assert_int_equal(cgroup_set_limits(&v2, 7, &some, &err), 0);
}

static void missing_file_is_named(void **state)
{
	struct err err = { 0 };
	char n[1024];

	(void)state;
	place(n, v2.unified, "8");
	assert_int_equal(cgroup_set_limits(&v2, 8, &some, &err), -1);
	assert_int_equal(err.code, ERR_CGROUP);
	assert_int_equal(err.sys, ENOENT);
	assert_non_null(strstr(err.text, "limits of 8"));
	assert_non_null(strstr(err.text, "memory.max"));
}

static void v2_facts(void **state)
{
	struct cgroup_facts f;
	struct err err = { 0 };
	char n[1024];

	(void)state;
	place(n, v2.unified, "9");
	assert_int_equal(cgroup_read(&v2, 9, &f, &err), -1);	/* no cgroup.procs: no group */
	put(n, "cgroup.procs", "");
	put(n, "memory.current", "4096\n");
	put(n, "memory.max", "max\n");
	put(n, "memory.events", "low 0\nhigh 1\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
	put(n, "pids.current", "4\n");
	put(n, "pids.max", "100\n");
	put(n, "pids.events", "max 5\n");
	put(n, "cpu.stat", "usage_usec 77\nuser_usec 1\nnr_throttled 6\nthrottled_usec 8\n");
	put(n, "cpu.max", "25000 50000\n");
	assert_int_equal(cgroup_read(&v2, 9, &f, &err), 0);
	assert_int_equal(f.memory_current, 4096);
	assert_true(f.memory_max == UINT64_MAX);
	assert_int_equal(f.memory_oom_kill, 2);
	assert_int_equal(f.memory_max_hit, 12);
	assert_int_equal(f.pids_current, 4);
	assert_int_equal(f.pids_max, 100);
	assert_int_equal(f.pids_max_hit, 5);
	assert_int_equal(f.cpu_usage_us, 77);
	assert_int_equal(f.cpu_nr_throttled, 6);
	assert_int_equal(f.cpu_throttled_us, 8);
	assert_int_equal(f.cpu_quota, 50);
	put(n, "cpu.max", "max 100000\n");
	assert_int_equal(cgroup_read(&v2, 9, &f, &err), 0);
	assert_true(f.cpu_quota == UINT64_MAX);
	assert_true(cgroup_memory_used(&v2, 9) == UINT64_MAX);
	assert_true(cgroup_memory_held(&v2, 9) == UINT64_MAX);
	put(n, "memory.stat", "anon 4096\nfile 99\nanon_thp 7\nfile_mapped 8192\n"
	    "inactive_file 1000\nactive_file 96\n");
	assert_int_equal(cgroup_memory_used(&v2, 9), 12288);
	assert_int_equal(cgroup_memory_held(&v2, 9), 3000);
	put(n, "memory.current", "1000\n");	/* the two are not read at the same time */
	assert_int_equal(cgroup_memory_held(&v2, 9), 0);
}

static void v1_limits(void **state)
{
	char m[1024], p[1024], c[1024];
	struct err err = { 0 };

	(void)state;
	place(m, v1.v1[CGROUP_MEMORY], "7");
	place(p, v1.v1[CGROUP_PIDS], "7");
	place(c, v1.v1[CGROUP_CPUACCT], "7");
	place(c, v1.v1[CGROUP_CPU], "7");
	for (int round = 0; round < 2; round++) {
		put(m, "memory.limit_in_bytes", "");
		put(m, "memory.memsw.limit_in_bytes", "");
		put(p, "pids.max", "");
		put(c, "cpu.cfs_quota_us", "");
		put(c, "cpu.cfs_period_us", "");
		put(c, "cpu.shares", "");
		if (cgroup_set_limits(&v1, 7, round ? &none : &some, &err) < 0)
			fail_msg("%s", err.text);
		expect(m, "memory.limit_in_bytes", round ? "-1" : "536870912");
		expect(m, "memory.memsw.limit_in_bytes", round ? "-1" : "536870912");
		expect(p, "pids.max", round ? "max" : "100");
		expect(c, "cpu.cfs_quota_us", round ? "-1" : "150000");
		expect(c, "cpu.shares", round ? "10" : "2048");
	}
}

static void v1_facts(void **state)
{
	char m[1024], p[1024], c[1024], a[1024], g[1024];
	struct cgroup_facts f;
	struct err err = { 0 };

	(void)state;
	place(m, v1.v1[CGROUP_MEMORY], "9");
	place(p, v1.v1[CGROUP_PIDS], "9");
	place(c, v1.v1[CGROUP_CPU], "9");
	place(a, v1.v1[CGROUP_CPUACCT], "9");
	put(p, "cgroup.procs", "");
	put(m, "memory.usage_in_bytes", "8192\n");
	put(m, "memory.limit_in_bytes", "9223372036854771712\n");
	put(m, "memory.failcnt", "3\n");
	put(m, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	put(p, "pids.current", "1\n");
	put(p, "pids.max", "max\n");
	put(p, "pids.events", "max 1\n");
	put(c, "cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 5000\n");
	put(c, "cpu.cfs_quota_us", "150000\n");
	put(a, "cpuacct.usage", "123456789\n");
	/* Counted where the process is: two generations add up. */
	put(place(g, v1.v1[CGROUP_MEMORY], "9/g3"), "memory.oom_control", "oom_kill 1\n");
	put(place(g, v1.v1[CGROUP_MEMORY], "9/g4"), "memory.oom_control", "oom_kill 4\n");
	put(place(g, v1.v1[CGROUP_PIDS], "9/g3"), "pids.events", "max 10\n");
	place(g, v1.v1[CGROUP_PIDS], "9/g4");
	assert_int_equal(cgroup_read(&v1, 9, &f, &err), 0);
	assert_int_equal(f.memory_current, 8192);
	assert_true(f.memory_max == UINT64_MAX);
	assert_int_equal(f.memory_max_hit, 3);
	assert_int_equal(f.memory_oom_kill, 5);
	assert_true(f.pids_max == UINT64_MAX);
	assert_int_equal(f.pids_max_hit, 11);
	assert_int_equal(f.cpu_nr_throttled, 2);
	assert_int_equal(f.cpu_throttled_us, 5);
	assert_int_equal(f.cpu_quota, 150);
	assert_int_equal(f.cpu_usage_us, 123456);
	put(m, "memory.stat", "rss 1\nmapped_file 2\ninactive_file 3\ntotal_rss 4096\n"
	    "total_mapped_file 8192\ntotal_inactive_file 100\ntotal_active_file 92\n");
	assert_int_equal(cgroup_memory_used(&v1, 9), 12288);
	assert_int_equal(cgroup_memory_held(&v1, 9), 8000);
	/* Kernels that count no failures: the high-water mark. */
	put(m, "memory.failcnt", "0\n");
	put(m, "memory.limit_in_bytes", "16384\n");
	put(m, "memory.max_usage_in_bytes", "16384\n");
	assert_int_equal(cgroup_read(&v1, 9, &f, &err), 0);
	assert_int_equal(f.memory_max_hit, 1);
}

static int collect(uint32_t number, void *arg)
{
	*(uint32_t *)arg += number;
	return 0;
}

static int collect_pid(pid_t pid, void *arg)
{
	*(long *)arg += pid;
	return 0;
}

static void listing(void **state)
{
	uint32_t sum = 0;
	long pids = 0;
	char g[1024];
	struct err err = { 0 };

	(void)state;
	put(place(g, v2.unified, "30/g1"), "cgroup.procs", "11\n0\n22\n");
	put(place(g, v2.unified, "30/g12"), "cgroup.procs", "300\n");
	place(g, v2.unified, "30/gx");		/* not ours */
	place(g, v2.unified, "30/other");
	assert_int_equal(cgroup_each_generation(&v2, 30, collect, &sum, &err), 0);
	assert_int_equal(sum, 13);
	assert_int_equal(cgroup_each_pid(&v2, 30, 0, collect_pid, &pids, &err), 0);
	assert_int_equal(pids, 333);
	pids = 0;
	assert_int_equal(cgroup_each_pid(&v2, 30, 12, collect_pid, &pids, &err), 0);
	assert_int_equal(pids, 300);
	sum = 0;
	assert_int_equal(cgroup_each_generation(&v2, 31, collect, &sum, &err), 0);
	assert_int_equal(sum, 0);
	put(place(g, v2.unified, "30/g1"), "cgroup.events", "populated 1\nfrozen 0\n");
	put(place(g, v2.unified, "30/g12"), "cgroup.events", "populated 0\nfrozen 0\n");
	assert_int_equal(cgroup_is_populated(&v2, 30, 1, &err), 1);
	assert_int_equal(cgroup_is_populated(&v2, 30, 12, &err), 0);
	assert_int_equal(cgroup_is_populated(&v2, 99, 0, &err), 0);
	/* v1 without a v2 tree asks for pids. */
	put(place(g, v1.v1[CGROUP_PIDS], "30/g1"), "cgroup.procs", "11\n");
	assert_int_equal(cgroup_is_populated(&v1, 30, 1, &err), 1);
	assert_int_equal(cgroup_is_populated(&v1, 30, 2, &err), 0);
}

static void killing(void **state)
{
	char g[1024];
	struct err err = { 0 };

	(void)state;
	place(g, v2.unified, "40/g2");
	put(g, "cgroup.procs", "");
	put(g, "cgroup.kill", "");
	assert_int_equal(cgroup_kill(&v2, 40, 2, &err), 0);
	expect(g, "cgroup.kill", "1");
	assert_int_equal(cgroup_kill(&v2, 41, 0, &err), 0);	/* nothing there */
	assert_int_equal(cgroup_remove(&v2, 41, 3, &err), 0);
	/* Not empty: plain files here, processes in earnest. */
	assert_int_equal(cgroup_remove(&v2, 40, 0, &err), -1);
	assert_int_equal(err.code, ERR_CGROUP);
}

static void records(void **state)
{
	struct cgroup_tree t = v2, back;
	struct err err = { 0 };
	CLOSE_AT_EXIT int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (getuid() != 0)
		skip();		/* only root's records are believed */
	assert_int_equal(cgroup_tree_load(top, &back, &err), -1);
	assert_non_null(strstr(err.text, "is tenant-tree running?"));
	assert_int_equal(file_write(dir, CGROUP_TREE_FILE, &t, sizeof(t), 0644, 0, 0, &err), 0);
	assert_int_equal(cgroup_tree_load(top, &back, &err), 0);
	assert_memory_equal(&t, &back, sizeof(t));
	memset(t.unified, 'a', sizeof(t.unified));
	assert_int_equal(file_write(dir, CGROUP_TREE_FILE, &t, sizeof(t), 0644, 0, 0, &err), 0);
	assert_int_equal(cgroup_tree_load(top, &back, &err), -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
	t = v2;
	t.is_unified = 0;	/* then v1's folders must be there */
	assert_int_equal(file_write(dir, CGROUP_TREE_FILE, &t, sizeof(t), 0644, 0, 0, &err), 0);
	assert_int_equal(cgroup_tree_load(top, &back, &err), -1);
	t = v2;
	t.version++;
	assert_int_equal(file_write(dir, CGROUP_TREE_FILE, &t, sizeof(t), 0644, 0, 0, &err), 0);
	assert_int_equal(cgroup_tree_load(top, &back, &err), -1);
	assert_non_null(strstr(err.text, "another version"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_limits),
		cmocka_unit_test(missing_file_is_named),
		cmocka_unit_test(v2_facts),
		cmocka_unit_test(v1_limits),
		cmocka_unit_test(v1_facts),
		cmocka_unit_test(listing),
		cmocka_unit_test(killing),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
