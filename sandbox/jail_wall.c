/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock for a jail: what the mounts already say, said again by paths, so
 * that a mistake in a mount is not yet a hole.  Writing only in the tenant's
 * own places, starting only the program, its loader, and programs where they
 * are allowed.
 */
#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "sandbox/jail.h"
#include "sandbox/landlock.h"

static const struct {
	const char *path;
	unsigned grants;
	uint32_t flag;		/* only with this flag of the spec; 0: always */
} rules_table[] = {
	{ "/", LANDLOCK_READ, 0 },
	{ "/tmp", LANDLOCK_WRITE, 0 },
	{ "/dev/shm", LANDLOCK_WRITE, 0 },
	{ "/dev/null", LANDLOCK_DEVICE, 0 },
	{ "/dev/zero", LANDLOCK_DEVICE, 0 },
	{ "/dev/full", LANDLOCK_DEVICE, 0 },
	/* The kernel starts the loader as a program of its own kind. */
	{ "/lib64/ld-linux-x86-64.so.2", LANDLOCK_EXECUTE, 0 },
	{ "/lib/ld-linux-aarch64.so.1", LANDLOCK_EXECUTE, 0 },
	{ "/usr", LANDLOCK_EXECUTE, SPEC_PROGRAMS },
};

int jail_wall(struct jail *j, struct err *err)
{
	const struct jail_spec *s = j->spec;
	CLOSE_AT_EXIT int rules = -1;

	if (mutant_is_off("landlock"))
		return 0;
	if (landlock_new(&rules, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(rules_table); i++)
		if (!rules_table[i].flag || (s->flags & rules_table[i].flag))
			if (landlock_allow(rules, rules_table[i].path, rules_table[i].grants, 1,
					   err) < 0)
				return -1;
	for (uint32_t i = 0; i < s->bind_count; i++)
		if ((s->bind[i].flags & SPEC_BIND_WRITABLE) &&
		    landlock_allow(rules, s->bind[i].target, LANDLOCK_WRITE, 1, err) < 0)
			return -1;
	/* Reading is granted at the root already; said here too, it ends the kernel's
	 * walk from a script upwards at the home: one look-up less for each folder above. */
	if (landlock_allow(rules, s->home, LANDLOCK_READ | LANDLOCK_WRITE, 0, err) < 0 ||
	    landlock_allow(rules, s->program, LANDLOCK_EXECUTE, 0, err) < 0)
		return -1;
	return landlock_enter(rules, err);
}
