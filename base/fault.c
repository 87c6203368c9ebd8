/* SPDX-License-Identifier: Apache-2.0 */
/* The fault hook of test builds. */
#include "base/fault.h"

#ifdef FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_point(const char *name)
{
	static long passed;
	const char *want = getenv("TENANT_FAULT");
	size_t n = strlen(name);

	if (!want || strncmp(want, name, n) != 0 || (want[n] && want[n] != ':'))
		return;
	if (++passed < (want[n] ? strtol(want + n + 1, NULL, 10) : 1))
		return;
	(void)kill(getpid(), SIGKILL);
}
#else
typedef int fault_has_no_code;	/* ISO C wants one declaration */
#endif
