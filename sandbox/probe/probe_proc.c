/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on /proc and names; who the process is and may become. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/str.h"
#include "sandbox/jail.h"
#include "sandbox/probe/probe.h"

#define PIDS_MAX 32768		/* the kernel gives no higher ones unless told so */

/* ---- /proc ---- */

struct pids {
	int own, strange;
};

static void count_pid(const char *name, void *arg)
{
	struct pids *seen = arg;
	uint64_t pid = 0;

	if (str_number(name, INT32_MAX, &pid) < 0)
		return;
	if ((pid_t)pid == getpid())
		seen->own++;
	else if ((pid_t)pid != getppid())
		seen->strange++;
}

enum promise_outcome probe_only_own_processes(struct probe *p, const char *argument)
{
	struct pids seen = { 0 };

	(void)argument;
	if (probe_list("/proc", count_pid, &seen) < 0 || !seen.own)
		return probe_say(p, PROMISE_UNPROVEN, "it does not find itself");
	return probe_say(p, seen.strange ? PROMISE_BROKEN : PROMISE_HELD, "%d processes of others",
			 seen.strange);
}

/* How many processes a signal, if it were one, would find. */
static long count_answers(const char *argument)
{
	long found = 0;

	(void)argument;
	if (kill(getppid(), 0) < 0)
		return -1;
	for (pid_t pid = 2; pid < PIDS_MAX; pid++)
		if (pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno != ESRCH))
			found++;
	return found;
}

enum promise_outcome probe_oracle_of_pids(struct probe *p, const char *argument)
{
	struct tried t = probe_try(count_answers, argument);

	if (t.value < 0 || t.signal || t.is_silent)
		return probe_say(p, PROMISE_UNPROVEN, "ask for its parent: %s", strerror(t.error));
	return probe_say(p, t.value ? PROMISE_BROKEN : PROMISE_HELD, "%ld processes found",
			 t.value);
}

enum promise_outcome probe_host_facts(struct probe *p, const char *argument)
{
	static const char *const facts[] = {
		"cmdline", "config.gz", "cpuinfo", "diskstats", "interrupts", "kallsyms", "kcore",
		"key-users", "keys", "kmsg", "loadavg", "locks", "meminfo", "modules", "mounts",
		"net", "partitions", "slabinfo", "stat", "swaps", "sys", "sysvipc", "uptime",
		"version", "vmstat",
	};
	char path[64];
	struct stat st;

	(void)argument;
	if (!probe_read("/proc/self/status"))
		return probe_say(p, PROMISE_UNPROVEN, "read its own status: %s",
				 strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		(void)str_format(path, sizeof(path), "/proc/%s", facts[i]);
		if (lstat(path, &st) == 0 || errno != ENOENT)
			return probe_say(p, PROMISE_BROKEN, "%s is there", path);
	}
	return probe_say(p, PROMISE_HELD, "nothing but processes");
}

enum promise_outcome probe_write_proc(struct probe *p, const char *argument)
{
	struct tried t = probe_try(probe_open_for_writing, "/proc/self/oom_score_adj");

	(void)argument;
	if (!probe_read("/proc/self/oom_score_adj"))
		return probe_say(p, PROMISE_UNPROVEN, "read it: %s", strerror(errno));
	return probe_judge(p, &t, "open oom_score_adj for writing");
}

enum promise_outcome probe_oom_score(struct probe *p, const char *argument)
{
	const char *text = probe_read("/proc/self/oom_score_adj");

	(void)argument;
	if (!text)
		return probe_say(p, PROMISE_UNPROVEN, "read it: %s", strerror(errno));
	long score = strtol(text, NULL, 10);

	return probe_say(p, score >= JAIL_OOM_SCORE ? PROMISE_HELD : PROMISE_BROKEN, "%ld", score);
}

enum promise_outcome probe_group_paths(struct probe *p, const char *argument)
{
	const char *at = probe_read("/proc/self/cgroup");
	int lines = 0;

	(void)argument;
	for (; at && *at; at = probe_next_line(at), lines++) {
		const char *path = strchr(at, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (!path || path[1] != '/' || path[2] != '\n')
			return probe_say(p, PROMISE_BROKEN, "%.*s", (int)strcspn(at, "\n"), at);
	}
	return probe_say(p, lines ? PROMISE_HELD : PROMISE_UNPROVEN, "%d groups, all '/'", lines);
}

enum promise_outcome probe_host_name(struct probe *p, const char *argument)
{
	struct utsname names;

	(void)argument;
	if (uname(&names) < 0 || !names.nodename[0])
		return probe_say(p, PROMISE_UNPROVEN, "uname: %s", strerror(errno));
	bool is_own = strcmp(names.nodename, p->spec->site) == 0 ||
		      strlen(p->spec->site) >= sizeof(names.nodename) - 1;

	return probe_say(p, is_own && strcmp(names.domainname, "(none)") == 0 ? PROMISE_HELD :
			 PROMISE_BROKEN, "'%.30s', domain '%.30s'", names.nodename,
			 names.domainname);
}

/* ---- who it is ---- */

static unsigned long long status_hex(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, 16) : ~0ULL;
}

enum promise_outcome probe_no_privilege(struct probe *p, const char *argument)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	const char *status = probe_read("/proc/self/status");
	uid_t u[3];
	gid_t g[3];

	(void)argument;
	if (!status || getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "read its status: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (status_hex(status, sets[i]) != 0)
			return probe_say(p, PROMISE_BROKEN, "%s %llx", sets[i],
					 status_hex(status, sets[i]));
	for (int i = 0; i < 3; i++)
		if (u[i] != p->spec->uid || g[i] != p->spec->gid)
			return probe_say(p, PROMISE_BROKEN, "user %u, group %u", u[i], g[i]);
	return probe_say(p, getgroups(0, NULL) ? PROMISE_BROKEN : PROMISE_HELD,
			 "user %u, %d more groups", u[0], getgroups(0, NULL));
}

static long set_root(const char *argument)
{
	(void)argument;
	return syscall(SYS_setresuid, 0, 0, 0);
}

enum promise_outcome probe_become_root(struct probe *p, const char *argument)
{
	struct tried t = probe_try(set_root, argument);

	return probe_judge(p, &t, "setresuid");
}
