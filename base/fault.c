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

void fault_point(const char *name)
{
	const char *path = getenv("TENANT_FAULT");
	char wanted[128] = "";
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
