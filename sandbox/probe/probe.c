/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts behind the worker's filter, and how they are told. */
#include "sandbox/probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"

#define FILTER_MAX 8192
#define FILE_MAX 65536

struct word {
	long value;
	int error;
};

static int load_filter(void)
{
	static struct sock_filter code[FILTER_MAX];
	ssize_t n = pread(POOL_FD_FILTER, code, sizeof(code), 0);
	struct sock_fprog filter = { .len = (unsigned short)((size_t)n / sizeof(code[0])),
				     .filter = code };

	return n <= 0 ? -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static _Noreturn void attempt_in_child(long (*attempt)(const char *argument),
				       const char *argument, int out)
{
	struct word w = { .value = -1, .error = ENOEXEC };

	if (load_filter() == 0) {
		w.value = attempt(argument);
		w.error = w.value < 0 ? errno : 0;
	}
	_exit(fd_write_full(out, &w, sizeof(w)) < 0);
}

struct tried probe_try(long (*attempt)(const char *argument), const char *argument)
{
	struct tried t = { .value = 0, .error = EIO };
	struct word w;
	int ends[2], status = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return t;
	pid_t pid = fork();

	if (pid == 0)
		attempt_in_child(attempt, argument, ends[1]);
	(void)close(ends[1]);
	t.is_silent = fd_read_full(ends[0], &w, sizeof(w)) < 0;
	(void)close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return (struct tried){ .error = EIO };
	if (!t.is_silent) {
		t.value = w.value;
		t.error = w.error;
	}
	t.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return t;
}

bool probe_is_refused(const struct tried *t)
{
	return t->signal == SIGSYS || (!t->signal && !t->is_silent && t->value < 0 &&
				       (t->error == EPERM || t->error == EACCES ||
					t->error == EROFS));
}

enum promise_outcome probe_judge(struct probe *p, const struct tried *t, const char *what)
{
	if (probe_is_refused(t))
		return probe_say(p, PROMISE_HELD, "%s: %s", what,
				 t->signal ? "ended by the filter" : strerror(t->error));
	if (t->signal)
		return probe_say(p, PROMISE_BROKEN, "%s: signal %d", what, t->signal);
	return probe_say(p, PROMISE_BROKEN, "%s: %s", what, t->is_silent ? "it was started" :
			 t->value < 0 ? strerror(t->error) : "it was done");
}

enum promise_outcome probe_say(struct probe *p, enum promise_outcome outcome, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, args);	/* cut */
	va_end(args);
	return outcome;
}

static long allowed_call(const char *argument)
{
	(void)argument;
	return syscall(SYS_getpid);
}

bool probe_can_call(struct probe *p)
{
	struct tried t = probe_try(allowed_call, "");

	if (t.value > 0 && !t.signal)
		return true;
	(void)probe_say(p, PROMISE_UNPROVEN, "getpid: %s", strerror(t.error));
	return false;
}

const char *probe_home(const struct probe *p, const char *below)
{
	static char path[2 * POOL_PATH_MAX];

	(void)str_format(path, sizeof(path), "%s/%s", p->spec->home, below);
	return path;
}

struct list {
	void (*each)(const char *name, void *arg);
	void *arg;
	int count;
};

static int list_one(int dir, const char *name, void *arg, struct err *err)
{
	struct list *l = arg;

	(void)dir;
	(void)err;
	l->each(name, l->arg);
	l->count++;
	return 0;
}

int probe_list(const char *path, void (*each)(const char *name, void *arg), void *arg)
{
	CLOSE_AT_EXIT int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct list l = { each, arg, 0 };
	struct err err = { 0 };

	if (dir < 0)
		return -1;
	if (file_each(dir, list_one, &l, &err) < 0) {
		errno = err.sys;
		return -1;
	}
	return l.count;
}

long probe_open_for_writing(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

const char *probe_top(const char *path, char out[PROBE_NAME_MAX])
{
	(void)snprintf(out, PROBE_NAME_MAX, "%.*s", (int)strcspn(path + 1, "/"), path + 1);
	return out;
}

const char *probe_next_line(const char *at)
{
	at += strcspn(at, "\n");
	return at + (*at == '\n');
}

const char *probe_read(const char *path)
{
	static char text[FILE_MAX];
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n = fd < 0 ? -1 : 0;

	/* Files of /proc come a page at a time. */
	while (fd >= 0 && (n = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	return n < 0 ? NULL : text;
}
