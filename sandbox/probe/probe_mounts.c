/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in the cage, as the kernel tells it, and how. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/probe/probe.h"

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, word, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	return false;
}

/* True if a mount there, with these flags, has what FLAG asks for. */
static bool is_flagged(const struct probe *p, const char *place, const char *flags,
		       const char *flag)
{
	bool is_writable = has_word(flags, "rw");

	if (strcmp(flag, "ro") == 0)
		return !is_writable || strcmp(place, p->spec->home) == 0 ||
		       strcmp(place, "/tmp") == 0 || strcmp(place, "/dev/shm") == 0;
	if (strcmp(flag, "noexec") == 0)
		return !is_writable || has_word(flags, flag);
	if (strcmp(flag, "nodev") == 0 && strncmp(place, "/dev/", 5) == 0 &&
	    strcmp(place, "/dev/shm") != 0)
		return true;
	return has_word(flags, flag);
}

enum promise_outcome probe_mount_flag(struct probe *p, const char *argument)
{
	const char *at = probe_read("/proc/self/mountinfo");
	char place[POOL_PATH_MAX], flags[128];
	bool is_found = false;

	for (; at && *at; at = probe_next_line(at)) {
		if (sscanf(at, "%*d %*d %*s %*s %511s %127s", place, flags) != 2)
			return probe_say(p, PROMISE_UNPROVEN, "a line that cannot be read");
		is_found = is_found || (strcmp(place, p->spec->home) == 0 && has_word(flags, "rw"));
		if (!is_flagged(p, place, flags, argument))
			return probe_say(p, PROMISE_BROKEN, "'%.40s' has %.30s", place, flags);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "so on every mount") :
	       probe_say(p, PROMISE_UNPROVEN, "its home is not among the mounts");
}

enum promise_outcome probe_mount_places(struct probe *p, const char *argument)
{
	static const char *const tops[] = { "usr", "etc", "lib", "lib64", "dev", "proc", "tmp",
					    "run", "" };
	const char *at = probe_read("/proc/self/mountinfo");
	char first[PROBE_NAME_MAX], home[PROBE_NAME_MAX], runtime[PROBE_NAME_MAX];
	char place[POOL_PATH_MAX];
	bool is_found = false;

	(void)argument;
	(void)probe_top(p->spec->home, home);
	(void)probe_top(p->program, runtime);
	for (; at && *at; at = probe_next_line(at)) {
		bool is_known = false;

		if (sscanf(at, "%*d %*d %*s %*s %511s", place) != 1)
			return probe_say(p, PROMISE_UNPROVEN, "a line that cannot be read");
		is_found = is_found || strcmp(place, p->spec->home) == 0;
		(void)probe_top(place, first);
		for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
			is_known = is_known || strcmp(first, tops[i]) == 0;
		if (!is_known && strcmp(first, home) != 0 && strcmp(first, runtime) != 0)
			return probe_say(p, PROMISE_BROKEN, "'%.60s' is mounted", place);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "only the cage's own mounts") :
	       probe_say(p, PROMISE_UNPROVEN, "its home is not among the mounts");
}
