/* SPDX-License-Identifier: Apache-2.0 */
/* Where groups may be made, from the kernel's texts of several kinds of machine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "sandbox/cgroup_find.h"
#include "schema/errors.h"

#define V1(id, super) \
	#id " 30 0:" #id " / /sys/fs/cgroup/" super " rw shared:9 - cgroup cgroup rw," super "\n"
#define BARE "40 30 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

struct machine {
	const char *name, *self, *mounts;
	int is_unified;		/* -1: must fail */
	const char *unified, *memory, *pids, *cpu, *cpuacct;
	const char *says;
};

static const struct machine machines[] = {
	{ "v2, a unit", "0::/system.slice/tenantd-tree.service\n",
	  "24 1 0:22 / /proc rw - proc proc rw\n"
	  "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
	  1, "/sys/fs/cgroup/system.slice/tenantd-tree.service", "", "", "", "", NULL },
	{ "v2, the root", "0::/\n",
	  "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n",
	  1, "/sys/fs/cgroup", "", "", "", "", NULL },
	{ "v2, a part mounted", "0::/box/inner\n",
	  "35 24 0:30 /box /sys/fs/cgroup rw - cgroup2 none rw\n",
	  1, "/sys/fs/cgroup/inner", "", "", "", "", NULL },
	{ "v2, the mounted part is our group", "0::/box\n",
	  "35 24 0:30 /box /sys/fs/cgroup rw - cgroup2 none rw\n",
	  1, "/sys/fs/cgroup", "", "", "", "", NULL },
	{ "v2, a part mounted that we are not in", "0::/boxer\n",
	  "35 24 0:30 /box /sys/fs/cgroup rw - cgroup2 none rw\n",
	  -1, NULL, NULL, NULL, NULL, NULL, "no cgroup file system" },
	{ "hybrid, memory confined",
	  "9:name=systemd:/\n8:pids:/\n4:memory:/process/48.c\n3:cpuset:/\n2:cpuacct:/\n"
	  "1:cpu:/\n0::/\n",
	  V1(31, "cpu") V1(32, "cpuacct") V1(33, "cpuset") V1(34, "memory") V1(35, "pids")
	  BARE,
	  0, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory/process/48.c",
	  "/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct", NULL },
	{ "v1 with cpu and cpuacct in one", "3:memory:/a\n2:pids:/a\n1:cpu,cpuacct:/a\n",
	  V1(31, "cpu,cpuacct") V1(34, "memory") V1(35, "pids"),
	  0, "", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/pids/a",
	  "/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/cpu,cpuacct/a", NULL },
	{ "hybrid without memory", "2:pids:/\n1:cpu:/\n0::/\n",
	  V1(31, "cpu") V1(35, "pids") BARE,
	  -1, NULL, NULL, NULL, NULL, NULL, "'memory' controller is missing: "
	  "others are on cgroup v1, this one is not mounted there; mount it too" },
	{ "nothing", "", "", -1, NULL, NULL, NULL, NULL, NULL, "no cgroup file system" },
	{ "rubbish", "0\n::\n:\n0::\nx:memory\n",
	  "- - -\n - cgroup2\n1 2 3 - cgroup cgroup rw\n - \n",
	  -1, NULL, NULL, NULL, NULL, NULL, "no cgroup file system" },
};

static void all_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct machine *m = &machines[i];
		char self[512], mounts[2048];
		struct cgroup_tree t = { 0 };
		struct err err = { 0 };

		print_message("# %s\n", m->name);
		assert_int_equal(str_copy(self, sizeof(self), m->self), 0);
		assert_int_equal(str_copy(mounts, sizeof(mounts), m->mounts), 0);
		int rc = cgroup_find(self, mounts, &t, &err);

		if (m->is_unified < 0) {
			assert_int_equal(rc, -1);
			assert_int_equal(err.code, ERR_CGROUP);
			assert_non_null(strstr(err.text, m->says));
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(t.is_unified, m->is_unified);
		assert_string_equal(t.unified, m->unified);
		assert_string_equal(t.v1[CGROUP_MEMORY], m->memory);
		assert_string_equal(t.v1[CGROUP_PIDS], m->pids);
		assert_string_equal(t.v1[CGROUP_CPU], m->cpu);
		assert_string_equal(t.v1[CGROUP_CPUACCT], m->cpuacct);
		assert_string_equal(t.v1[CGROUP_IO], "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_machines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
