/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the compiled filters as C, for filters.c.  Runs in the build only. */
#include <linux/filter.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/syscalls.h"

static int print(enum syscalls_filter which, unsigned more, struct err *err)
{
	struct sock_filter f;
	CLOSE_AT_EXIT int fd = -1;

	if (syscalls_compile(which, more, &fd, err) < 0)
		return -1;
	(void)printf("static const struct sock_filter filter_%u_%u[] = {\n", which, more);
	while (read(fd, &f, sizeof(f)) == sizeof(f))
		(void)printf("\t{ %#x, %u, %u, %#x },\n", f.code, f.jt, f.jf, f.k);
	(void)printf("};\n");
	return 0;
}

int main(void)
{
	struct err err = { 0 };

	for (unsigned i = 0; i < 2 * SYSCALLS_MORES; i++)
		if (print(i / SYSCALLS_MORES, i % SYSCALLS_MORES, &err) < 0) {
			(void)fprintf(stderr, "filters: %s\n", err.text);
			return 1;
		}
	(void)printf("static const struct sock_fprog programs[] = {\n");
	for (unsigned i = 0; i < 2 * SYSCALLS_MORES; i++)
		(void)printf("\tPROGRAM(filter_%u_%u),\n", i / SYSCALLS_MORES, i % SYSCALLS_MORES);
	(void)printf("};\n");
	/* Also what failed before: a filter with a gap might still compile, and load. */
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
