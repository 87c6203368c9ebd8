/* SPDX-License-Identifier: Apache-2.0 */
/* The switch of mutant builds. */
#include "base/mutant.h"

#ifdef MUTANTS
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define VARIABLE "TENANT_MUTANT"

static char path[4096];
static char line[sizeof(VARIABLE) + 1024] = VARIABLE "=";
static char *const names = line + sizeof(VARIABLE);

static void read_names(void)
{
	CLOSE_AT_EXIT int fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, names, sizeof(line) - sizeof(VARIABLE) - 1);

	if (n >= 0)
		names[n] = '\0';
}

/* Before main(): programs forget their environment, and root's eyes. */
__attribute__((constructor)) static void remember(void)
{
	const char *value = getenv(VARIABLE);

	if (value && value[0] == '/')
		(void)str_copy(path, sizeof(path), value);
	else if (value)
		(void)str_copy(names, sizeof(line) - sizeof(VARIABLE), value);
	read_names();
}

bool mutant_is_off(const char *mechanism)
{
	size_t size = strlen(mechanism);

	read_names();
	for (const char *at = names; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, mechanism, size) == 0 && (at[size] == '\n' || !at[size]))
			return true;
	return false;
}

char *mutant_environment(void)
{
	read_names();
	return names[0] ? line : NULL;
}
#else
typedef int mutant_has_no_code;	/* ISO C wants one declaration */
#endif
