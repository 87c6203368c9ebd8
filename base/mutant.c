/* SPDX-License-Identifier: Apache-2.0 */
/* The switch of mutant builds. */
#include "base/mutant.h"

#ifdef MUTANTS
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

bool mutant_is_off(const char *mechanism)
{
	static char names[1024];
	const char *path = getenv("TENANT_MUTANT");
	CLOSE_AT_EXIT int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, names, sizeof(names) - 1);
	size_t size = strlen(mechanism);

	if (n >= 0)
		names[n] = '\0';
	for (const char *at = names; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, mechanism, size) == 0 && (at[size] == '\n' || !at[size]))
			return true;
	return false;
}
#else
typedef int mutant_has_no_code;	/* ISO C wants one declaration */
#endif
