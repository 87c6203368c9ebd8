/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the supervisor for one jail, for tests: fills a spec from arguments,
 * clones tenant-jail into its groups, passes reports on as lines on stdout (which
 * is also the program's log), and cleans up.
 *
 *   jail_driver -r RUN_DIR -j TENANT_JAIL -H HOME -p PROGRAM [-c COMMANDS] ...
 *
 * COMMANDS becomes the payload.  See usage() for the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/cgroup.h"
#include "sandbox/jail.h"
#include "schema/pool_spec.h"

static struct {
	const char *run_dir, *jail, *listener, *payload_file;
	int timeout_ms;
	uint32_t generation;
	int is_unsealed, is_no_go;
} set = { .timeout_ms = 20000, .generation = 1 };

static struct jail_spec spec = {
	.magic = SPEC_MAGIC, .version = SPEC_VERSION, .size = sizeof(spec),
	.number = 7, .uid = 1900000007, .gid = 1900000007, .revision = 1,
	.tmp_size = 1 << 20, .shm_size = 1 << 20, .hostname = "site", .user = "site",
	.limits = { .memory_max = 64 << 20, .memory_swap_max = 0, .pids_max = 30,
		    .cpu_quota = 100, .cpu_weight = 100, .open_files = 128,
		    .io_weight = 100, .io_max = UINT64_MAX },
};

/* SIGTERM: kill the generation, as the supervisor would. */
static volatile sig_atomic_t is_asked;

static void ask(int sig)
{
	(void)sig;
	is_asked = 1;
}

static int usage(void)
{
	(void)fputs("usage: jail_driver -r RUN_DIR -j TENANT_JAIL -H HOME -p PROGRAM [-R RUNTIME]\n"
		    "  -c COMMANDS | -C FILE   payload       -n NUMBER  -g GENERATION  -u UID\n"
		    "  -m BYTES -q PIDS -o PER_CENT -w|-i WEIGHT -f FILES  -b SOURCE:TARGET:FLAGS\n"
		    "  -l SOCKET  path to listen on          -P programs allowed\n"
		    "  -t MS wait at most  -S unsealed spec  -G close the go pipe unused\n",
		    stderr);
	return 2;
}

static uint64_t number(const char *value)
{
	uint64_t out = 0;

	if (str_number(value, UINT64_MAX, &out) < 0)
		exit(usage());
	return out;
}

static void text(char *out, size_t size, const char *value)
{
	if (str_copy(out, size, value) < 0)
		exit(usage());
}

static void add_bind(char *text_of_bind)
{
	struct spec_bind *b = &spec.bind[spec.bind_count];
	char *rest = NULL;
	char *source = strtok_r(text_of_bind, ":", &rest);
	char *target = strtok_r(NULL, ":", &rest);
	char *flags = strtok_r(NULL, ":", &rest);

	if (spec.bind_count == SPEC_BINDS_MAX || !source || !target || !flags)
		exit(usage());
	text(b->source, sizeof(b->source), source);
	text(b->target, sizeof(b->target), target);
	b->flags = (uint32_t)number(flags);
	spec.bind_count++;
}

static void parse(int argc, char **argv)
{
	static const char flags[] = "r:j:H:p:R:c:C:n:g:u:m:q:o:w:i:f:b:l:Pt:SG";

	for (int c; (c = getopt(argc, argv, flags)) != -1;) {
		switch (c) {
		case 'r': set.run_dir = optarg; break;
		case 'j': set.jail = optarg; break;
		case 'H': text(spec.home, sizeof(spec.home), optarg); break;
		case 'p': text(spec.program, sizeof(spec.program), optarg); break;
		case 'R': text(spec.runtime, sizeof(spec.runtime), optarg); break;
		case 'c':
			spec.payload_size = (uint32_t)strlen(optarg);
			if (spec.payload_size > sizeof(spec.payload))
				exit(usage());
			memcpy(spec.payload, optarg, spec.payload_size);
			break;
		case 'C': set.payload_file = optarg; break;
		case 'n': spec.number = (uint32_t)number(optarg); break;
		case 'g': set.generation = (uint32_t)number(optarg); break;
		case 'u': spec.uid = spec.gid = (uint32_t)number(optarg); break;
		case 'm': spec.limits.memory_max = number(optarg); break;
		case 'q': spec.limits.pids_max = number(optarg); break;
		case 'o': spec.limits.cpu_quota = number(optarg); break;
		case 'w': spec.limits.cpu_weight = number(optarg); break;
		case 'i': spec.limits.io_weight = number(optarg); break;
		case 'f': spec.limits.open_files = number(optarg); break;
		case 'b': add_bind(optarg); break;
		case 'l': set.listener = optarg; break;
		case 'P': spec.flags |= SPEC_PROGRAMS; break;
		case 't': set.timeout_ms = (int)number(optarg); break;
		case 'S': set.is_unsealed = 1; break;
		case 'G': set.is_no_go = 1; break;
		default: exit(usage());
		}
	}
	if (!set.run_dir || !set.jail || !spec.home[0] || !spec.program[0])
		exit(usage());
	if (!spec.runtime[0]) {
		text(spec.runtime, sizeof(spec.runtime), spec.program);
		*strrchr(spec.runtime, '/') = '\0';
	}
}

static _Noreturn void die(const char *what, const struct err *err)
{
	(void)fprintf(stderr, "jail_driver: %s: %s\n", what, err ? err->text : strerror(errno));
	exit(3);
}

static int listener_make(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(at.sun_family);		/* autobind: an abstract name */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (set.listener) {
		text(at.sun_path, sizeof(at.sun_path), set.listener);
		(void)unlink(set.listener);
		size = sizeof(at);
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 64) < 0)
		die("listener", NULL);
	return fd;
}

static int spec_make(struct err *err)
{
	if (set.payload_file) {
		ssize_t n = file_read(AT_FDCWD, set.payload_file, spec.payload,
				      sizeof(spec.payload), err);

		if (n < 0)
			die("payload", err);
		spec.payload_size = (uint32_t)n;
	}
	int fd = set.is_unsealed ? memfd_create("spec", MFD_CLOEXEC) :
				   fd_sealed("spec", &spec, sizeof(spec), err);

	if (fd < 0 || (set.is_unsealed && fd_write_full(fd, &spec, sizeof(spec)) < 0))
		die("spec", err);
	return fd;
}

static pid_t spawn(int cgroup, int report, int go, int *out_pidfd, struct err *err)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)out_pidfd, .exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup,
	};
	const int fds[] = { listener_make(), spec_make(err), report, STDOUT_FILENO, go,
			    open("/dev/null", O_WRONLY), open("/dev/null", O_WRONLY) };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid != 0)
		return pid;
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, 0) < 0 || dup2(STDOUT_FILENO, STDERR_FILENO) < 0 ||
	    fd_place(fds, ARRAY_SIZE(fds), JAIL_FD_LISTENER) < 0)
		_exit(99);
	(void)execl(set.jail, "tenant-jail", NULL);
	_exit(98);
}

static int ms_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void pass_reports(int report)
{
	struct pool_report r;

	while (recv(report, &r, sizeof(r), MSG_DONTWAIT) == sizeof(r))
		(void)dprintf(STDOUT_FILENO, "report=%u %.*s\n", r.kind, (int)sizeof(r.text),
			      r.text);
}

/* Waits for the end of the process; says how it ended. */
static void watch(const struct cgroup_tree *tree, pid_t pid, int pidfd, int report,
		  struct err *err)
{
	int begin = ms_now(), is_killed = 0, status = 0;

	for (;;) {
		struct pollfd p[] = { { .fd = pidfd, .events = POLLIN },
				      { .fd = report, .events = POLLIN } };
		int past = ms_now() - begin;

		(void)poll(p, 2, 20);
		pass_reports(report);
		if (p[1].revents & POLLHUP) {
			struct pollfd end = { .fd = pidfd, .events = POLLIN };

			(void)poll(&end, 1, 20);
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		if (!is_killed && (is_asked || past > set.timeout_ms)) {
			is_killed = 1;
			if (cgroup_kill(tree, spec.number, set.generation, err) < 0)
				die("kill", err);
			(void)dprintf(STDOUT_FILENO, "killed=%s\n",
				      past > set.timeout_ms ? "timeout" : "asked");
		}
	}
	pass_reports(report);
	if (WIFEXITED(status))
		(void)dprintf(STDOUT_FILENO, "end=exit %d\n", WEXITSTATUS(status));
	else
		(void)dprintf(STDOUT_FILENO, "end=signal %d\n", WTERMSIG(status));
}

int main(int argc, char **argv)
{
	struct cgroup_tree tree;
	struct cgroup_facts facts;
	struct err err = { 0 };
	int cgroup = -1, pidfd = -1, report[2], go[2];

	parse(argc, argv);
	(void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = ask }, NULL);
	if (cgroup_tree_load(set.run_dir, &tree, &err) < 0)
		die("tree", &err);
	if (cgroup_set_limits(&tree, spec.number, &spec.limits, &err) < 0)
		die("limits", &err);
	if (cgroup_generation_make(&tree, spec.number, set.generation, &cgroup, &err) < 0)
		die("generation", &err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0 ||
	    pipe2(go, O_CLOEXEC) < 0)
		die("pipes", NULL);
	pid_t pid = spawn(cgroup, report[1], go[0], &pidfd, &err);

	if (pid < 0)
		die("clone", NULL);
	(void)close(report[1]);
	(void)close(go[0]);
	if (cgroup_attach(&tree, spec.number, set.generation, pid, &err) < 0)
		die("attach", &err);
	(void)dprintf(STDOUT_FILENO, "pid=%d\n", (int)pid);
	if (!set.is_no_go && fd_write_full(go[1], "g", 1) < 0)
		die("go", NULL);
	(void)close(go[1]);
	watch(&tree, pid, pidfd, report[0], &err);
	if (cgroup_read(&tree, spec.number, &facts, &err) == 0)
		(void)dprintf(STDOUT_FILENO, "facts=oom_kill:%llu memory_hit:%llu pids_hit:%llu "
			      "throttled:%llu cpu_us:%llu\n",
			      (unsigned long long)facts.memory_oom_kill,
			      (unsigned long long)facts.memory_max_hit,
			      (unsigned long long)facts.pids_max_hit,
			      (unsigned long long)facts.cpu_nr_throttled,
			      (unsigned long long)facts.cpu_usage_us);
	for (int i = 0; i < 500 && cgroup_is_populated(&tree, spec.number, 0, &err) == 1; i++)
		(void)poll(NULL, 0, 10);
	if (cgroup_remove(&tree, spec.number, 0, &err) < 0)
		die("remove", &err);
	return 0;
}
