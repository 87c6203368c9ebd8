/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-jail: becomes pid 1 of a tenant's cage and then the program inside.
 * The supervisor has cloned this process into a new pid namespace and into its
 * cgroup; descriptors as in enum jail_fd.  It reads one record of root's and
 * nothing that an unprivileged process wrote.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "sandbox/jail.h"
#include "schema/errors.h"
#include "schema/pool_spec.h"

#define SEALED (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Only a record that nobody can change any more is worth checking. */
static int spec_read(struct jail_spec *out, struct err *err)
{
	struct stat st;
	int seals = fcntl(JAIL_FD_SPEC, F_GET_SEALS);

	if (seals < 0 || (seals & SEALED) != SEALED)
		return err_set(err, ERR_BAD_RECORD, "the spec is not a sealed memfd");
	if (fstat(JAIL_FD_SPEC, &st) < 0 || st.st_size != sizeof(*out))
		return err_set(err, ERR_BAD_RECORD, "the spec has not %zu bytes", sizeof(*out));
	if (pread(JAIL_FD_SPEC, out, sizeof(*out), 0) != sizeof(*out))
		return err_sys(err, "read the spec");
	if (spec_check(out, err) < 0)
		return -1;
	if (out->flags & SPEC_SUSPENDED)
		return err_set(err, ERR_CONFLICT, "the spec is suspended");
	return 0;
}

/* A process that is half in is good for nothing: says why, once, and ends. */
static _Noreturn void fail(const struct err *err)
{
	struct pool_report report = { .kind = POOL_REPORT_FAILED };

	(void)snprintf(report.text, sizeof(report.text), "%s", err->text);	/* cut */
	(void)send(JAIL_FD_REPORT, &report, sizeof(report), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)dprintf(STDERR_FILENO, "tenant-jail: %s\n", err->text);
	_exit(error_row(err->code)->exit_status);
}

int main(void)
{
	static struct jail_spec spec;
	struct jail jail = { .spec = &spec, .root = -1, .program = -1, .payload = -1,
			     .worker_filter = -1 };
	struct err err = { 0 };
	char go = 0;

	/* Until this byte comes the process may be in no group yet.  The end of
	 * the pipe: the supervisor died meanwhile and its successor knows nothing
	 * of this process. */
	if (fd_read_full(JAIL_FD_GO, &go, 1) < 0)
		return 1;
	fault_point("jail.go");
	if (getpid() != 1 && !mutant_is_off("pid-ns"))
		(void)err_set(&err, ERR_JAIL, "tenant-jail is not pid 1 of a new pid namespace");
	else if (spec_read(&spec, &err) == 0 && jail_enter(&jail, &err) == 0) {
		const char *slash = strrchr(spec.program, '/');
		char *argv[] = { (char *)(uintptr_t)(slash + 1), NULL };
		static char path[SPEC_PATH_MAX + 32];
		char *envp[] = { (char *)(uintptr_t)"LC_ALL=C.UTF-8", path, mutant_environment(),
				 NULL };

		/* The program's folder first: `php` there is that of its version. */
		(void)str_format(path, sizeof(path), "PATH=%s:/usr/bin:/bin", spec.runtime);
		(void)execveat(jail.program, "", argv, envp, AT_EMPTY_PATH);
		(void)err_sys(&err, "start '%s'", spec.program);
	}
	fail(&err);
}
