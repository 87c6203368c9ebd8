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
 * that can no longer see the file goes on with what it read last. */
bool mutant_is_off(const char *mechanism);
#else
static inline bool mutant_is_off(const char *mechanism)
{
	(void)mechanism;
	return false;
}
#endif

#endif
