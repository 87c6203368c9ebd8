/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on /proc, names, processes and what they share. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/jail.h"
#include "sandbox/probe/probe.h"

#define PIDS_MAX 32768		/* the kernel gives no higher ones unless told so */
/* Above lie ports of outgoing connections: an attempt from there may meet itself. */
#define PORTS_MAX 32768

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

static long open_score(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

enum promise_outcome probe_write_proc(struct probe *p, const char *argument)
{
	struct tried t = probe_try(open_score, "/proc/self/oom_score_adj");

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
	for (; at && *at; at += strcspn(at, "\n"), at += *at == '\n', lines++) {
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

/* ---- what processes share ---- */

/* Segments, sets and queues in this namespace, or -1. */
static int count_sysv(void)
{
	struct shm_info m;
	struct seminfo s;
	struct msginfo q;
	union { struct seminfo *info; } how = { &s };

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&m) < 0 ||
	    semctl(0, 0, SEM_INFO, how) < 0 ||
	    msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&q) < 0)
		return -1;
	return m.used_ids + s.semusz + q.msgpool;
}

enum promise_outcome probe_shared_memory(struct probe *p, const char *argument)
{
	int before = count_sysv();
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	int then = count_sysv();

	(void)argument;
	if (id < 0 || shmctl(id, IPC_RMID, NULL) < 0 || then != before + 1)
		return probe_say(p, PROMISE_UNPROVEN, "make a segment: %s", strerror(errno));
	return probe_say(p, before ? PROMISE_BROKEN : PROMISE_HELD, "%d of others", before);
}

/* Connects to where a socket listens. */
static long connect_to(const char *argument)
{
	struct sockaddr_un at = { 0 };
	socklen_t size = sizeof(at);
	uint64_t listener = 0;
	CLOSE_AT_EXIT int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || str_number(argument, INT32_MAX, &listener) < 0 ||
	    getsockname((int)listener, (struct sockaddr *)&at, &size) < 0)
		return -1;
	return connect(sock, (struct sockaddr *)&at, size);
}

enum promise_outcome probe_abstract_socket(struct probe *p, const char *argument)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(at.sun_family);		/* autobind: an abstract name */
	CLOSE_AT_EXIT int own = socket(AF_UNIX, SOCK_STREAM, 0);
	char number[16];

	(void)argument;
	(void)str_format(number, sizeof(number), "%d", own);
	if (own < 0 || bind(own, (struct sockaddr *)&at, size) < 0 || listen(own, 1) < 0 ||
	    probe_try(connect_to, number).value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "connect to its own: %s", strerror(errno));
	size = sizeof(at);
	if (getsockname(POOL_FD_LISTENER, (struct sockaddr *)&at, &size) < 0 ||
	    at.sun_family != AF_UNIX || size <= sizeof(at.sun_family) || at.sun_path[0])
		return probe_say(p, PROMISE_UNPROVEN, "there is no socket of the host's to try");
	(void)str_format(number, sizeof(number), "%d", POOL_FD_LISTENER);
	struct tried t = probe_try(connect_to, number);

	if (t.value < 0 && t.error == ECONNREFUSED)
		return probe_say(p, PROMISE_HELD, "no such socket here");
	return probe_judge(p, &t, "connect to the host's");
}

/* The first port of the loopback, but OWN, that answers; 0: none does. */
static long find_port(const char *own)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t skip = 0;

	if (sock < 0 || str_number(own, UINT16_MAX, &skip) < 0)
		return -1;
	for (unsigned port = 1; port < PORTS_MAX; port++) {
		at.sin_port = htons((uint16_t)port);
		if (port != skip && (connect(sock, (struct sockaddr *)&at, sizeof(at)) == 0 ||
				     errno != ECONNREFUSED))
			return port;
	}
	at.sin_port = htons((uint16_t)skip);
	return connect(sock, (struct sockaddr *)&at, sizeof(at));	/* the control */
}

enum promise_outcome probe_loopback(struct probe *p, const char *argument)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	CLOSE_AT_EXIT int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[16];

	(void)argument;
	if (own < 0 || bind(own, (struct sockaddr *)&at, size) < 0 || listen(own, 1) < 0 ||
	    getsockname(own, (struct sockaddr *)&at, &size) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "listen: %s", strerror(errno));
	(void)str_format(port, sizeof(port), "%u", ntohs(at.sin_port));
	struct tried t = probe_try(find_port, port);

	if (t.value < 0 || t.signal || t.is_silent)
		return probe_say(p, PROMISE_UNPROVEN, "connect to its own: %s", strerror(t.error));
	return probe_say(p, t.value ? PROMISE_BROKEN : PROMISE_HELD, "%s %ld",
			 t.value ? "somebody answers on port" : "ports that answer:", t.value);
}

/* ---- limits of the process ---- */

static long take_number(const char *argument)
{
	uint64_t number = 0;

	return str_number(argument, INT32_MAX, &number) < 0 ? -1 : dup2(1, (int)number);
}

enum promise_outcome probe_open_files(struct probe *p, const char *argument)
{
	char number[16];
	uint64_t most = p->spec->options.open_files;

	(void)argument;
	(void)str_format(number, sizeof(number), "%llu", (unsigned long long)most - 1);
	struct tried last = probe_try(take_number, number);

	(void)str_format(number, sizeof(number), "%llu", (unsigned long long)most);
	struct tried t = probe_try(take_number, number);

	if (last.value < 0)
		return probe_say(p, PROMISE_UNPROVEN, "take the last descriptor: %s",
				 strerror(last.error));
	return probe_say(p, t.value < 0 && t.error == EBADF ? PROMISE_HELD : PROMISE_BROKEN,
			 "descriptor %s: %s", number, strerror(t.value < 0 ? t.error : 0));
}

enum promise_outcome probe_core_dump(struct probe *p, const char *argument)
{
	struct rlimit core;

	(void)argument;
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "read it: %s", strerror(errno));
	/* 1: only that also keeps the kernel from starting a handler (core(5)). */
	return probe_say(p, core.rlim_cur == 1 && core.rlim_max == 1 ? PROMISE_HELD :
			 PROMISE_BROKEN, "core limit %llu", (unsigned long long)core.rlim_max);
}
