/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-probe: started in place of tenant-pool in a cage made from the tenant's
 * own spec, it tries to break out, row by row of schema/promises.def, and tells
 * the supervisor what came of it.  It runs nothing of the tenant's, changes
 * nothing of his, and takes none of what his plan gives him.  Descriptors are
 * the pool's, but the listener is an abstract socket of the host's, for the
 * attempt to reach it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/probe/probe.h"

#define ROW_LIMIT_S 15

static probe_attempt *const attempts[] = {
#define INSIDE(id, class, severity, probe, argument, walls, control, sentence) probe_##probe,
#define OUTSIDE(id, class, severity, test, walls, control, sentence) NULL,
#include "schema/promises.def"
#undef INSIDE
#undef OUTSIDE
};

static int read_spec(struct pool_spec *out)
{
	struct stat st;

	if (fstat(POOL_FD_SPEC, &st) < 0 || st.st_size != sizeof(*out) ||
	    pread(POOL_FD_SPEC, out, sizeof(*out), 0) != sizeof(*out))
		return -1;
	return out->magic == POOL_SPEC_MAGIC && out->version == POOL_SPEC_VERSION &&
	       str_is_terminated(out->home, sizeof(out->home)) &&
	       str_is_terminated(out->site, sizeof(out->site)) ? 0 : -1;
}

/* Before anything is opened here. */
static void count_descriptors(struct probe *p)
{
	char link[32];

	for (int fd = POOL_FD_BOARD; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		p->strays++;
		(void)str_format(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, p->stray, sizeof(p->stray) - 1);

		p->stray[n > 0 ? n : 0] = '\0';
	}
}

static _Noreturn void run_in_child(struct probe *p, int row, int out)
{
	struct wire_promise r = { .row = (uint32_t)row };

	(void)alarm(ROW_LIMIT_S);
	r.outcome = attempts[row](p, promise_rows[row].argument);
	memcpy(r.text, p->text, sizeof(r.text));
	_exit(fd_write_full(out, &r, sizeof(r)) < 0);
}

/* One row, in a process of its own, so that what ends it ends nothing else. */
static void run(struct probe *p, int row, struct wire_promise *out)
{
	int ends[2], status = 0;
	bool has_result = false;

	*out = (struct wire_promise){ .row = (uint32_t)row, .outcome = PROMISE_UNPROVEN };
	(void)str_copy(out->text, sizeof(out->text), "no process for the attempt");
	if (pipe(ends) < 0)
		return;
	pid_t pid = fork();

	if (pid == 0)
		run_in_child(p, row, ends[1]);
	(void)close(ends[1]);
	struct wire_promise told;

	has_result = pid > 0 && fd_read_full(ends[0], &told, sizeof(told)) == 0;
	(void)close(ends[0]);
	if (pid < 0)
		return;
	(void)waitpid(pid, &status, 0);
	if (has_result)
		*out = told;
	else
		(void)snprintf(out->text, sizeof(out->text), "the attempt was ended by signal %d",
			       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv)
{
	static struct pool_spec spec;
	struct probe p = { .spec = &spec };

	(void)argv;
	if (argc > 1)
		return 0;	/* started by an attempt: that says enough */
	count_descriptors(&p);
	ssize_t n = readlink("/proc/self/exe", p.program, sizeof(p.program) - 1);

	if (n <= 0 || read_spec(&spec) < 0)
		return 1;
	p.has_programs = spec.options.programs == PROGRAMS_ALLOW;
	p.has_jit = spec.options.jit == JIT_ALLOW;
	for (int row = 0; row < promise_row_count; row++) {
		struct wire_promise r;

		if (!attempts[row])
			continue;
		run(&p, row, &r);
		if (send(POOL_FD_REPORT, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
			return 1;
	}
	return 0;
}
