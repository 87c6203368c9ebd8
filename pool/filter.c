/* SPDX-License-Identifier: Apache-2.0 */
/* Loads struct sock_filter[] from a sealed memfd (seccomp(2)). */
#include "pool/filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schema/errors.h"
#include "schema/pool_spec.h"

bool filter_is_given(void)
{
	struct stat st;

	/* A memfd is a regular file; pool_secure() puts a device where nothing was. */
	return fstat(POOL_FD_FILTER, &st) == 0 && S_ISREG(st.st_mode);
}

int filter_load(struct err *err)
{
	struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = { .filter = code };
	struct stat st;

	if (!filter_is_given())
		return 0;
	if (fstat(POOL_FD_FILTER, &st) < 0 || st.st_size <= 0 ||
	    (size_t)st.st_size > sizeof(code) ||
	    st.st_size % (off_t)sizeof(code[0]) != 0)
		return err_set(err, ERR_BAD_RECORD, "the workers' filter has no usable size");
	/* Not read(): workers share the descriptor's offset. */
	if (pread(POOL_FD_FILTER, code, (size_t)st.st_size, 0) != st.st_size)
		return err_sys(err, "read the workers' filter");
	(void)close(POOL_FD_FILTER);
	program.len = (unsigned short)((size_t)st.st_size / sizeof(code[0]));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(err, "load the workers' filter of %u instructions", program.len);
	return 0;
}
