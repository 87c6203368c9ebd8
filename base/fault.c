/* SPDX-License-Identifier: Apache-2.0 */
/* The fault hook of test builds. */
#include "base/fault.h"

#ifdef FAULTS
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

/* Appends the name to PATH.trace, if a test put that file there. */
static void trace(const char *path, const char *name)
{
	char file[512];
	char line[128];

	if (str_format(file, sizeof(file), "%s.trace", path) < 0 ||
	    str_format(line, sizeof(line), "%s\n", name) < 0)
		return;
	CLOSE_AT_EXIT int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0)
		(void)fd_write_full(fd, line, strlen(line));	/* the test would miss the name */
}

void fault_point(const char *name)
{
	const char *path = getenv("TENANT_FAULT");
	char wanted[128] = "";

	if (path)
		trace(path, name);
	CLOSE_AT_EXIT int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || read(fd, wanted, sizeof(wanted) - 1) <= 0)
		return;
	wanted[strcspn(wanted, "\n")] = '\0';
	if (strcmp(wanted, name) != 0 || unlink(path) < 0)
		return;
	(void)kill(getpid(), SIGKILL);
}
#else
typedef int fault_has_no_code;	/* ISO C wants one declaration */
#endif
