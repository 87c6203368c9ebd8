/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walls that a test takes away one at a time, to see which promise falls with
 * them.  Only builds with -DMUTANTS have this; in all others every wall stands
 * and nothing is asked.  The names are rows of sandbox/mechanisms.def.
 */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#include <stdbool.h>

#ifdef MUTANTS
/* TENANT_MUTANT in the environment is the path of a file with names, one a
 * line.  Read again with each call, as the supervisor lives long; a process
 * that can no longer see the file goes on with what it read last.  Where it
 * begins with no '/', it is the names themselves. */
bool mutant_is_off(const char *mechanism);

/* The names as they are now, as a line for the environment of a program that
 * will not see the file; NULL: there are none. */
char *mutant_environment(void);
#else
static inline char *mutant_environment(void)
{
	return (char *)0;
}

static inline bool mutant_is_off(const char *mechanism)
{
	(void)mechanism;
	return false;
}
#endif

/* WITH, or WITHOUT where the wall is left out. */
static inline const char *mutant_text(const char *mechanism, const char *with,
				      const char *without)
{
	return mutant_is_off(mechanism) ? without : with;
}

#endif
