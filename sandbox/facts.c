/* SPDX-License-Identifier: Apache-2.0 */
/* Copying texts of the kernel. */
#include "sandbox/facts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/cgroup_files.h"

/* Whole lines only, so that a cut shows no half value. */
static void copy_text(int proc, const char *name, char *out, size_t size)
{
	CLOSE_AT_EXIT int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n = 0;

	memset(out, 0, size);
	while (fd >= 0 && have < size - 1 && (n = read(fd, out + have, size - 1 - have)) > 0)
		have += (size_t)n;
	if (have < size - 1)
		return;
	char *last = strrchr(out, '\n');

	memset(last ? last + 1 : out, 0, size - (size_t)(last ? last + 1 - out : 0));
}

static int open_proc(pid_t pid)
{
	char path[32];

	(void)str_format(path, sizeof(path), "/proc/%d", (int)pid);	/* fits */
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void read_namespaces(int proc, uint64_t out[JAIL_NAMESPACES])
{
	static const char *const words[JAIL_NAMESPACES] = { JAIL_NAMESPACE_WORDS };

	for (int i = 0; i < JAIL_NAMESPACES; i++) {
		char name[16];
		struct stat st;

		(void)str_format(name, sizeof(name), "ns/%s", words[i]);	/* fits */
		out[i] = fstatat(proc, name, &st, 0) == 0 ? st.st_ino : 0;
	}
}

void facts_namespaces(pid_t pid, uint64_t out[JAIL_NAMESPACES])
{
	CLOSE_AT_EXIT int proc = open_proc(pid);

	read_namespaces(proc, out);
}

void facts_process(pid_t pid, struct wire_process *out, char *mounts, size_t size)
{
	CLOSE_AT_EXIT int proc = open_proc(pid);

	memset(out, 0, sizeof(*out));
	out->pid = (int32_t)pid;
	if (proc < 0)
		return;
	read_namespaces(proc, out->namespaces);
	copy_text(proc, "oom_score_adj", out->oom_score_adj, sizeof(out->oom_score_adj));
	copy_text(proc, "status", out->status, sizeof(out->status));
	copy_text(proc, "limits", out->limits, sizeof(out->limits));
	if (mounts)
		copy_text(proc, "mountinfo", mounts, size);
}

void facts_cgroup(const struct cgroup_tree *t, uint32_t number, struct wire_jail *out)
{
	static const struct {
		int controller;
		const char *v2, *v1;
	} files[JAIL_VALUES] = {
		[JAIL_MEMORY_MAX] = { CGROUP_MEMORY, "memory.max", "memory.limit_in_bytes" },
		[JAIL_SWAP_MAX] = { CGROUP_MEMORY, "memory.swap.max",
				    "memory.memsw.limit_in_bytes" },
		[JAIL_PIDS_MAX] = { CGROUP_PIDS, "pids.max", "pids.max" },
		[JAIL_CPU_MAX] = { CGROUP_CPU, "cpu.max", "cpu.cfs_quota_us" },
		[JAIL_CPU_PERIOD] = { CGROUP_CPU, "", "cpu.cfs_period_us" },
		[JAIL_CPU_WEIGHT] = { CGROUP_CPU, "cpu.weight", "cpu.shares" },
	};

	out->is_unified = t->is_unified;
	for (int i = 0; i < JAIL_VALUES; i++) {
		const char *base = t->is_unified ? t->unified : t->v1[files[i].controller];
		const char *name = t->is_unified ? files[i].v2 : files[i].v1;
		char folder[CGROUP_FILE_MAX];
		char *value = out->cgroup[i];

		memset(value, 0, JAIL_VALUE_MAX);
		if (!base[0] || !name[0])
			continue;
		cgroup_path(folder, base, number, 0);
		(void)cgroup_text(folder, name, value, JAIL_VALUE_MAX, NULL);
		value[strcspn(value, "\n")] = '\0';
	}
}
