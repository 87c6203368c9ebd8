/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the supervisor and the jail for one tenant-pool, for tests: fills a spec
 * from arguments, binds the listener, makes a pid namespace, becomes the tenant,
 * and passes what the pool reports and how it ends on as lines on stdout.
 *
 *   pool_driver -p TENANT_POOL -l SOCKET -H HOME -L LOG [-u UID] [-w] [-P] [-t] [-c CONF_D]
 *               [OPTION=VALUE]...
 *
 * -c puts a folder in the place of PHP's conf.d.
 * -w hands over the workers' system call filter, -P one that allows programs.
 * -t makes it a trial of the options.
 * The listener stays open here: connections made while no pool runs wait in it.
 * SIGUSR1 starts another pool on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/str.h"
#include "sandbox/filters.h"
#include "schema/pool_spec.h"
#include "build_config.h"

static struct pool_spec spec = {
	.magic = POOL_SPEC_MAGIC, .version = POOL_SPEC_VERSION, .size = sizeof(spec),
	.number = 7, .uid = 1900000007, .gid = 1900000007, .site = "site.example",
};

static struct {
	const char *pool, *socket, *log, *conf;
	bool has_filter, allows_programs;
} set;

static volatile sig_atomic_t is_asked;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void read_arguments(int argc, char **argv)
{
	struct err err = { 0 };
	int c = 0;

	options_default(&spec.options);
	while ((c = getopt(argc, argv, "p:l:H:L:u:c:wPt")) != -1) {
		if (c == 'p')
			set.pool = optarg;
		else if (c == 'l')
			set.socket = optarg;
		else if (c == 'L')
			set.log = optarg;
		else if (c == 'c')
			set.conf = optarg;
		else if (c == 'H')
			(void)str_copy(spec.home, sizeof(spec.home), optarg);
		else if (c == 'u')
			spec.uid = spec.gid = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 't')
			spec.magic = POOL_TRIAL_MAGIC;
		else if (c == 'w' || c == 'P')
			set.has_filter = true;
		else
			exit(2);
		set.allows_programs |= c == 'P';
	}
	for (; optind < argc; optind++) {
		char *value = strchr(argv[optind], '=');

		if (value)
			*value++ = '\0';
		if (!value || options_set(&spec.options, argv[optind], value, &err) < 0) {
			(void)fprintf(stderr, "%s: %s\n", argv[optind], err.text);
			exit(2);
		}
	}
}

static int make_listener(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (str_copy(to.sun_path, sizeof(to.sun_path), set.socket) < 0 || fd < 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 511) < 0 ||
	    chmod(set.socket, 0666) < 0)
		die(set.socket);
	return fd;
}

static int make_filter(void)
{
	struct err err = { 0 };
	int fd = -1;

	if (!set.has_filter)
		return -1;
	if (filters_export(SYSCALLS_WORKER, set.allows_programs ? SYSCALLS_PROGRAMS : 0, &fd,
			   &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return fd;
}

/* In the child: pid 1 of a namespace with its own /proc, then the tenant. */
static void become_pool(const int *fds, size_t count, int output)
{
	struct err err = { 0 };
	int null = open("/dev/null", O_RDWR);

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "hidepid=2,subset=pid") < 0)
		die("proc");
	if (set.conf && mount(set.conf, "/etc/php/" PHP_VERSION_DEFAULT "/embed/conf.d", NULL,
			      MS_BIND, NULL) < 0)
		die(set.conf);
	if (caps_drop_to(spec.uid, spec.gid, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(null, STDIN_FILENO);
	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
	    fd_place(fds, count, POOL_FD_LISTENER) < 0)
		die("descriptors");
	(void)execl(set.pool, set.pool, (char *)NULL);
	die(set.pool);
}

static pid_t start_pool(int listener, int report, int log)
{
	struct err err = { 0 };
	int record = fd_sealed("spec", &spec, sizeof(spec), &err);
	int filter = make_filter();
	char again[32];
	/* All logs are one here; a pipe in the filter's place is none. */
	const int fds[] = { listener, record, report, log, filter < 0 ? log : filter, log, log };
	pid_t pid = 0;

	/* The same pipe opened once more, as the supervisor does it. */
	(void)str_format(again, sizeof(again), "/proc/self/fd/%d", log);
	int output = open(again, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (output < 0)
		die(again);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		become_pool(fds, ARRAY_SIZE(fds), output);
	if (pid < 0)
		die("clone");
	(void)close(output);
	(void)close(record);
	if (filter >= 0)
		(void)close(filter);
	(void)printf("pid %d\n", (int)pid);
	return pid;
}

static void pass_log(int pipe, int file)
{
	char data[65536];
	ssize_t n = 0;

	while ((n = read(pipe, data, sizeof(data))) > 0)
		(void)fd_write_full(file, data, (size_t)n);
}

static void pass_reports(int report, int log, int file)
{
	static const char *const names[] = { "?", "ready", "failed", "leaving", "numbers" };
	struct pool_report r;

	while (recv(report, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r)) {
		pass_log(log, file);	/* what the pool said before stands there before */
		(void)printf("%s %d %d %llu %.*s\n", names[r.kind < 5 ? r.kind : 0], r.workers,
			     r.active, (unsigned long long)r.requests, (int)sizeof(r.text), r.text);
	}
}

static void watch(int listener, const int report[2], const int log[2], int file)
{
	pid_t pid = start_pool(listener, report[1], log[1]);

	for (;;) {
		struct pollfd p[] = { { .fd = report[0], .events = POLLIN },
				      { .fd = log[0], .events = POLLIN },
				      { .fd = STDIN_FILENO } };
		int status = 0;

		(void)poll(p, 3, 20);
		if (p[2].revents & POLLHUP) {
			/* The test has gone: so does the pool, and with pid 1 of its
			 * namespace whoever might still write to its home. */
			if (pid > 0 && kill(pid, SIGKILL) == 0)
				(void)waitpid(pid, NULL, 0);
			exit(0);
		}
		pass_log(log[0], file);
		if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid) {
			pass_reports(report[0], log[0], file);
			pass_log(log[0], file);
			(void)printf(WIFEXITED(status) ? "exit %d\n" : "signal %d\n",
				     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
			pid = 0;
		}
		if (is_asked) {
			is_asked = 0;
			pid = start_pool(listener, report[1], log[1]);
		}
		pass_reports(report[0], log[0], file);
		(void)fflush(stdout);
	}
}

static void ask(int signal_number)
{
	(void)signal_number;
	is_asked = 1;
}

int main(int argc, char **argv)
{
	int report[2];
	int log[2];
	int file = -1;

	read_arguments(argc, argv);
	(void)sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = ask }, NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0 ||
	    pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0)
		die("pipe");
	file = open(set.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0)
		die(set.log);
	watch(make_listener(), report, log, file);
	return 0;
}
