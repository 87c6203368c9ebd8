/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs inside a jail in place of PHP and tries what a hostile tenant would.
 * The payload on descriptor 4 is a list of commands, one a line, each of
 * which answers with one line `command: answer`; an answer is `ok`, the name
 * of an errno, or `signal N` where the trying child was killed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "schema/pool_spec.h"

#define OUTPUT_MAX 65536

static const char *answer(long rc)
{
	return rc >= 0 ? "ok" : strerrorname_np(errno);
}

static void show_file(const char *path)
{
	static char data[OUTPUT_MAX];
	size_t have = 0;
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 0;

	/* Files of /proc come a page at a time. */
	while (fd >= 0 && (n = read(fd, data + have, sizeof(data) - 1 - have)) > 0)
		have += (size_t)n;
	data[have] = '\0';
	if (n < 0)
		(void)printf("%s\n", strerrorname_np(errno));
	else
		(void)printf("ok\n%s\n", data);
	if (fd >= 0)
		(void)close(fd);
}

static void show_folder(const char *path)
{
	DIR *d = opendir(path);

	if (!d) {
		(void)printf("%s\n", strerrorname_np(errno));
		return;
	}
	(void)printf("ok");
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)printf(" %s", e->d_name);
	(void)printf("\n");
	(void)closedir(d);
}

static long try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0755);

	return fd < 0 ? -1 : write(fd, "x", 1);
}

/* Copies this very program, so that what is started would run elsewhere. */
static long try_copy(const char *path)
{
	static char data[1 << 20];
	int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT, 0755);

	for (ssize_t n; from >= 0 && to >= 0 && (n = read(from, data, sizeof(data))) > 0;)
		if (write(to, data, (size_t)n) != n)
			return -1;
	return from < 0 || to < 0 ? -1 : close(to);
}

static long try_exec(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)"ran", NULL };

	return execv(path, argv);
}

/* Code of the attacker's by the loader: maps a file executable. */
static long try_map(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd < 0 ? -1 : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) ==
			     MAP_FAILED ? -1 : 0;
}

static long try_memory(const char *arg)
{
	size_t size = strtoul(arg, NULL, 10);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	return 0;
}

static long try_spin(const char *arg)
{
	struct timespec t;
	long ms = strtol(arg, NULL, 10);

	do
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
	return 0;
}

static void show_forks(const char *arg)
{
	int most = (int)strtol(arg, NULL, 10), made = 0, why = 0;
	pid_t pids[1024];

	for (; made < most && made < 1024; made++) {
		pids[made] = fork();
		if (pids[made] == 0)
			for (;;)
				(void)pause();
		if (pids[made] < 0) {
			why = errno;
			break;
		}
	}
	(void)printf("%d %s\n", made, why ? strerrorname_np(why) : "ok");
	for (int i = 0; i < made; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
}

static void show_interfaces(void)
{
	struct if_nameindex *all = if_nameindex();

	if (all)
		for (struct if_nameindex *i = all; i->if_name; i++)
			(void)printf("%s ", i->if_name);
	/* if_nameindex needs netlink, which the filter refuses: by ioctl, then. */
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 1; i < 64; i++) {
		struct ifreq r = { .ifr_ifindex = i };

		if (ioctl(sock, SIOCGIFNAME, &r) == 0)
			(void)printf("%s ", r.ifr_name);
	}
	(void)printf("netlink:%s\n", answer(socket(AF_NETLINK, SOCK_RAW, 0)));
}

static long try_worker(void)
{
	static struct sock_filter code[4096];
	ssize_t n = pread(POOL_FD_FILTER, code, sizeof(code), 0);
	struct sock_fprog program = { .len = (unsigned short)((size_t)n / sizeof(code[0])),
				      .filter = code };

	if (n <= 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static long try_abstract(const char *name)
{
	struct { sa_family_t family; char path[100]; } at = { AF_UNIX, { 0 } };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t size = strlen(name);

	memcpy(at.path + 1, name, size);
	return sock < 0 ? -1 : connect(sock, (struct sockaddr *)&at,
				       (socklen_t)(sizeof(at.family) + 1 + size));
}

static long try_connect(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)str_copy(at.sun_path, sizeof(at.sun_path), path);
	return sock < 0 ? -1 : connect(sock, (struct sockaddr *)&at, sizeof(at));
}

static long try_sysv(const char *key)
{
	return shmget((key_t)strtol(key, NULL, 10), 0, 0);
}

static long try_loopback(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtol(port, NULL, 10)),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	return sock < 0 ? -1 : connect(sock, (struct sockaddr *)&at, sizeof(at));
}

static void *idle(void *arg)
{
	return arg;
}

/* Named attempts; each runs in a child where it can be killed alone. */
static long try_call(const char *name)
{
	static char stack[65536];
	struct { const char *name; long nr, a, b, c, d; } calls[] = {
		{ "unshare_user", SYS_unshare, CLONE_NEWUSER, 0, 0, 0 },
		{ "unshare_net", SYS_unshare, CLONE_NEWNET, 0, 0, 0 },
		{ "clone_user", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0 },
		{ "clone3", SYS_clone3, 0, 0, 0, 0 },
		{ "fork", SYS_clone, SIGCHLD, 0, 0, 0 },
		{ "ptrace", SYS_ptrace, 0, 0, 0, 0 },
		{ "mount", SYS_mount, 0, 0, 0, 0 },
		{ "keyctl", SYS_keyctl, 0, 0, 0, 0 },
		{ "bpf", SYS_bpf, 0, 0, 0, 0 },
		{ "io_uring", SYS_io_uring_setup, 1, 0, 0, 0 },
		{ "userfaultfd", SYS_userfaultfd, 0, 0, 0, 0 },
		{ "perf", SYS_perf_event_open, 0, 0, 0, 0 },
		{ "chroot", SYS_chroot, (long)"/", 0, 0, 0 },
		{ "setuid", SYS_setuid, 0, 0, 0, 0 },
		{ "setuid_32", SYS_setuid, (long)0xffffffff00000000, 0, 0, 0 },
		{ "memfd", SYS_memfd_create, (long)"x", 0, 0, 0 },
		{ "memfd_exec", SYS_memfd_create, (long)"x", 0x10, 0, 0 },
		{ "sync", SYS_sync, 0, 0, 0, 0 },
		{ "tiocsti", SYS_ioctl, 0, TIOCSTI, (long)"x", 0 },
		{ "tiocsti_high", SYS_ioctl, 0, TIOCSTI | (1L << 32), (long)"x", 0 },
		{ "vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0 },
		{ "packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0 },
		{ "raw", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP, 0 },
		{ "tcp", SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP, 0 },
		{ "unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0 },
		{ "map_exec", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC,
		  MAP_PRIVATE | MAP_ANONYMOUS },
		{ "map_wx", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		  MAP_PRIVATE | MAP_ANONYMOUS },
		{ "map", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS },
		{ "dumpable", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0 },
		{ "prctl_name", SYS_prctl, PR_SET_NAME, (long)"x", 0, 0 },
		{ "getpid", SYS_getpid, 0, 0, 0, 0 },
		{ "nofile", SYS_dup2, 1, 100000, 0, 0 },
	};

	if (strcmp(name, "thread") == 0)
		return clone((int (*)(void *))(uintptr_t)idle, stack + sizeof(stack), CLONE_VM |
			     CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			     CLONE_SYSVSEM, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return syscall(calls[i].nr, calls[i].a, calls[i].b, calls[i].c,
				       calls[i].d, -1L, 0L);
	(void)printf("(no such call) ");
	return 0;
}

static const struct {
	const char *name;
	long (*attempt)(const char *arg);
} attempts[] = {
	{ "write", try_write }, { "copy", try_copy }, { "exec", try_exec }, { "map", try_map },
	{ "memory", try_memory }, { "spin", try_spin }, { "abstract", try_abstract },
	{ "connect", try_connect }, { "sysv", try_sysv }, { "loopback", try_loopback },
	{ "call", try_call },
};

static int is_forking = 1;

static void run_attempt(long (*attempt)(const char *arg), const char *arg)
{
	int status = 0;

	(void)fflush(stdout);
	/* After the worker's filter there is no fork: then it runs right here. */
	pid_t pid = is_forking ? fork() : 0;

	if (pid < 0) {
		(void)printf("fork %s\n", strerrorname_np(errno));
		return;
	}
	if (pid == 0) {
		(void)printf("%s\n", answer(attempt(arg)));
		(void)fflush(stdout);
		if (is_forking)
			_exit(0);
		return;
	}
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		(void)printf("signal %d\n", WTERMSIG(status));
}

static void run(char *line)
{
	char *arg = strchr(line, ' ');
	struct utsname names;
	struct stat st;

	(void)printf("%s: ", line);
	if (arg)
		*arg++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		if (strcmp(attempts[i].name, line) == 0) {
			run_attempt(attempts[i].attempt, arg ? arg : "");
			return;
		}
	if (strcmp(line, "read") == 0)
		show_file(arg);
	else if (strcmp(line, "list") == 0)
		show_folder(arg);
	else if (strcmp(line, "stat") == 0)
		(void)printf("%s\n", answer(stat(arg, &st)));
	else if (strcmp(line, "uname") == 0)
		(void)printf("%s %s\n", uname(&names) == 0 ? names.nodename : "?",
			     names.domainname);
	else if (strcmp(line, "forks") == 0)
		show_forks(arg);
	else if (strcmp(line, "interfaces") == 0)
		show_interfaces();
	else if (strcmp(line, "worker") == 0) {
		is_forking = 0;
		(void)printf("%s\n", answer(try_worker()));
	} else if (strcmp(line, "background") == 0) {
		(void)printf("ok\n");
		if (fork() == 0)
			for (;;)
				(void)pause();
	} else if (strcmp(line, "wait") == 0) {
		(void)printf("ok\n");
		(void)fflush(stdout);
		(void)sleep(60);
	} else {
		(void)printf("no such command\n");
	}
}

int main(int argc, char **argv)
{
	static char commands[4097];
	char *rest = NULL;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		(void)printf("%s\n", argv[1]);	/* started from inside: it ran */
		return 0;
	}
	ssize_t n = pread(POOL_FD_SPEC, commands, sizeof(commands) - 1, 0);

	commands[n < 0 ? 0 : n] = '\0';
	for (char *line = strtok_r(commands, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		run(line);
	return 0;
}
