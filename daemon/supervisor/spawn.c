/* SPDX-License-Identifier: Apache-2.0 */
/* clone3(2), descriptors in place, exec. */
#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/events.h"

#define FIRST_FD 3
#define STATUS_NO_EXEC 127

static void clear_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++)
		(void)sigaction(sig, &plain, NULL);	/* two cannot be set, and need not */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int place_descriptors(const struct place *p, const struct spawn *s)
{
	/* All sources are above 2: the main program sees to that. */
	if (dup3(p->null, STDIN_FILENO, 0) < 0 ||
	    dup3(s->output >= 0 ? s->output : p->null, STDOUT_FILENO, 0) < 0)
		return -1;
	if (s->output >= 0 && dup3(s->output, STDERR_FILENO, 0) < 0)
		return -1;
	return fd_place(s->fds, s->fd_count, FIRST_FD);
}

/* What steers test builds goes on to the children; nothing else does. */
static void add_test_variables(const char *envp[], size_t *n)
{
#if defined(FAULTS) || defined(MUTANTS)
	static const char *const names[] = { "TENANT_FAULT", "TENANT_MUTANT" };
	static char text[ARRAY_SIZE(names)][PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (getenv(names[i]) &&
		    str_format(text[i], sizeof(text[i]), "%s=%s", names[i], getenv(names[i])) == 0)
			envp[(*n)++] = text[i];
#else
	(void)envp;
	(void)n;
#endif
}

/* In mutants: as if the supervisor's descriptors were not close-on-exec. */
static void leak_descriptors(int first)
{
	for (int fd = first; mutant_is_off("close-on-exec") && fd < 64; fd++)
		(void)fcntl(fd, F_SETFD, 0);
}

static int tie_to(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != parent) {	/* died before we asked */
		errno = EPIPE;
		return -1;
	}
	return 0;
}

/* In the child, which is alone with a copy of our memory. */
static _Noreturn void become(const struct place *p, const struct spawn *s, const char *path,
			     pid_t parent)
{
	const char *argv[SPAWN_ARGUMENTS_MAX + 2] = { s->program };
	char listen_pid[32], listen_fds[32];
	const char *envp[5] = { NULL };
	size_t n = 0;
	struct err err = { 0 };

	for (size_t i = 0; i < SPAWN_ARGUMENTS_MAX && s->arguments[i]; i++)
		argv[i + 1] = s->arguments[i];
	if (s->listeners) {
		(void)str_format(listen_pid, sizeof(listen_pid), "LISTEN_PID=%d", (int)getpid());
		(void)str_format(listen_fds, sizeof(listen_fds), "LISTEN_FDS=%d", s->listeners);
		envp[n++] = listen_fds;
		envp[n++] = listen_pid;
	}
	add_test_variables(envp, &n);
	clear_signals();
	if (place_descriptors(p, s) < 0)
		(void)err_sys(&err, "place the descriptors");
	/* Changing the user forgets the tie, so the tie comes second. */
	else if ((s->is_user && caps_drop_to(s->uid, s->uid, &err) < 0) ||
		 (s->is_tied && tie_to(parent) < 0 && err_sys(&err, "tie to the supervisor") < 0))
		;
	else {
		leak_descriptors(FIRST_FD + (int)s->fd_count);
		(void)execve(path, (char **)(uintptr_t)argv, (char **)(uintptr_t)envp);
		(void)err_sys(&err, "exec");
	}
	log_event(DAEMON_ERROR, "program=%s error='%s'", path, err.text);
	_exit(STATUS_NO_EXEC);
}

int spawn(const struct place *p, const struct spawn *s, pid_t *out_pid, int *out_pidfd,
	  struct err *err)
{
	char path[PATH_MAX];
	int pidfd = -1;
	pid_t parent = getpid();
	struct clone_args args = {
		.flags = CLONE_PIDFD | s->namespaces | (s->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = s->cgroup >= 0 ? (uint64_t)s->cgroup : 0,
	};

	if (str_format(path, sizeof(path), "%s/%s", place_libexec(p), s->program) < 0)
		return err_set(err, ERR_SYSTEM, "the path of '%s' is too long", s->program);
	/* Other threads only close descriptors (base/closers.h): they hold no lock that the
	 * child would take. */
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return err_sys(err, "start '%s'", path);
	if (pid == 0)
		become(p, s, path, parent);
	*out_pid = (pid_t)pid;
	*out_pidfd = pidfd;
	return 0;
}

int spawn_channel(int *out_ours, int *out_theirs, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a channel to a child");
	CLOSE_AT_EXIT int ours = pair[0];
	CLOSE_AT_EXIT int theirs = pair[1];

	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "set up a channel to a child");
	*out_ours = fd_take(&ours);
	*out_theirs = fd_take(&theirs);
	return 0;
}

int spawn_pipe(int *out_reads, int *out_writes, struct err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe to a child");
	*out_reads = pair[0];
	*out_writes = pair[1];
	return 0;
}

void spawn_reap(int pidfd, struct spawn_end *out)
{
	siginfo_t info = { 0 };
	int rc = -1;

	do
		rc = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	while (rc < 0 && errno == EINTR);
	/* ECHILD: the child of an earlier supervisor; init reaps it. */
	*out = (struct spawn_end){ .is_known = rc == 0 && info.si_pid != 0,
				   .is_signal = info.si_code != CLD_EXITED,
				   .status = info.si_status };
}

void spawn_end_text(const struct spawn_end *end, char out[SPAWN_END_TEXT])
{
	if (!end->is_known)
		(void)str_copy(out, SPAWN_END_TEXT, "ended; an earlier supervisor started it, so "
			       "its status is not known");
	else if (end->is_signal)
		(void)str_format(out, SPAWN_END_TEXT, "was killed by signal %d (%s)", end->status,
				 strsignal(end->status));
	else if (end->status == STATUS_NO_EXEC)
		(void)str_copy(out, SPAWN_END_TEXT, "could not be started; is it installed?");
	else
		(void)str_format(out, SPAWN_END_TEXT, "ended with status %d", end->status);
}
