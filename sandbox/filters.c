/* SPDX-License-Identifier: Apache-2.0 */
/* Handing out and loading compiled filters (seccomp(2)). */
#include "sandbox/filters.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#ifdef MUTANTS
/* Which walls stand is known only now. */
static int find(enum syscalls_filter which, unsigned more, struct sock_fprog *out,
		struct err *err)
{
	static struct sock_filter code[BPF_MAXINSNS];
	CLOSE_AT_EXIT int fd = -1;

	if (syscalls_compile(which, more, &fd, err) < 0)
		return -1;
	ssize_t n = pread(fd, code, sizeof(code), 0);

	if (n <= 0)
		return err_sys(err, "read the system call filter");
	*out = (struct sock_fprog){ (unsigned short)((size_t)n / sizeof(code[0])), code };
	return 0;
}
#else
#define PROGRAM(code) { ARRAY_SIZE(code), (struct sock_filter *)(uintptr_t)(code) }
#include "filters_code.h"

static int find(enum syscalls_filter which, unsigned more, struct sock_fprog *out,
		struct err *err)
{
	(void)err;
	*out = programs[which * SYSCALLS_MORES + more];
	return 0;
}
#endif

int filters_export(enum syscalls_filter which, unsigned more, int *out_fd, struct err *err)
{
	struct sock_fprog program;

	if (find(which, more, &program, err) < 0)
		return -1;
	int fd = fd_sealed("filter", program.filter, program.len * sizeof(program.filter[0]), err);

	if (fd < 0)
		return -1;
	*out_fd = fd;
	return 0;
}

int filters_load(enum syscalls_filter which, unsigned more, struct err *err)
{
	struct sock_fprog program;

	if (find(which, more, &program, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(err, "load the system call filter of %u instructions", program.len);
	return 0;
}
