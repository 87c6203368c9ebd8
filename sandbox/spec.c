/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a jail's spec.  Root wrote it, yet a torn, old or foreign record
 * must end in a sentence and not in a jail that is a little different.  What
 * a path leads to is checked where it is opened.
 */
#include "sandbox/spec.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

#define CPU_QUOTA_MAX 1000000	/* ten thousand CPUs */

/* Absolute, normal, and at least one component: "/" itself is never meant. */
static bool is_plain_path(const char *path)
{
	if (path[0] != '/' || path[1] == '\0')
		return false;
	for (const char *at = path; *at; ) {
		size_t length = strcspn(at + 1, "/");

		if (length == 0 || (length == 1 && at[1] == '.') ||
		    (length == 2 && at[1] == '.' && at[2] == '.'))
			return false;
		for (size_t i = 1; i <= length; i++)
			if ((unsigned char)at[i] < ' ' || at[i] == 0x7f)
				return false;
		at += 1 + length;
	}
	return true;
}

static bool is_beneath(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* A name that stands in passwd and as host name: no separator of either. */
static bool is_word(const char *name)
{
	if (!*name || *name == '-')
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789-._")] == '\0';
}

static int path_check(const char *path, const char *what, struct err *err)
{
	if (!str_is_terminated(path, SPEC_PATH_MAX))
		return err_set(err, ERR_BAD_RECORD, "jail spec: %s is not terminated", what);
	if (!is_plain_path(path))
		return err_set(err, ERR_BAD_RECORD,
			       "jail spec: %s '%s' is not an absolute path without '.' and '..'",
			       what, path);
	return 0;
}

/* What would overflow on the way to the kernel's units, or starve the jail. */
static int limits_check(const struct spec_limits *l, struct err *err)
{
	if (l->memory_max < 1024 * 1024 || l->pids_max == 0 || l->open_files < 16)
		return err_set(err, ERR_BAD_RECORD,
			       "jail spec: less than 1M of memory, a process or 16 open files");
	if (l->cpu_quota == 0 || (l->cpu_quota > CPU_QUOTA_MAX && l->cpu_quota != UINT64_MAX))
		return err_set(err, ERR_BAD_RECORD, "jail spec: CPU quota of %llu %%",
			       (unsigned long long)l->cpu_quota);
	if (l->cpu_weight < 1 || l->cpu_weight > 10000)
		return err_set(err, ERR_BAD_RECORD, "jail spec: CPU weight %llu, not 1 to 10000",
			       (unsigned long long)l->cpu_weight);
	if (l->io_weight < 1 || l->io_weight > 10000 || l->io_max == 0)
		return err_set(err, ERR_BAD_RECORD, "jail spec: weight %llu of input and output, "
			       "bound %llu", (unsigned long long)l->io_weight,
			       (unsigned long long)l->io_max);
	return 0;
}

int spec_check(const struct jail_spec *s, struct err *err)
{
	if (s->magic != SPEC_MAGIC || s->version != SPEC_VERSION || s->size != sizeof(*s))
		return err_set(err, ERR_BAD_RECORD,
			       "jail spec: version %u of %u bytes, expected version %u of %zu",
			       s->version, s->size, SPEC_VERSION, sizeof(*s));
	if (s->flags & ~(unsigned)(SPEC_SUSPENDED | SPEC_PROGRAMS | SPEC_NETWORK |
				   SPEC_JIT))
		return err_set(err, ERR_BAD_RECORD, "jail spec: unknown flags %#x", s->flags);
	/* (uid_t)-1 means "leave as it is" to the kernel. */
	if (s->number == 0 || s->uid == 0 || s->gid == 0 || s->uid == UINT32_MAX ||
	    s->gid == UINT32_MAX)
		return err_set(err, ERR_BAD_RECORD, "jail spec: number %u, uid %u, gid %u",
			       s->number, s->uid, s->gid);
	if (!str_is_terminated(s->hostname, sizeof(s->hostname)) || !is_word(s->hostname))
		return err_set(err, ERR_BAD_RECORD, "jail spec: the host name is no name");
	if (!str_is_terminated(s->user, sizeof(s->user)) || !is_word(s->user))
		return err_set(err, ERR_BAD_RECORD, "jail spec: the user is no name");
	if (path_check(s->home, "home", err) < 0 ||
	    path_check(s->program, "program", err) < 0 ||
	    path_check(s->runtime, "runtime", err) < 0)
		return -1;
	if (!is_beneath(s->program, s->runtime))
		return err_set(err, ERR_BAD_RECORD,
			       "jail spec: program '%s' is not beneath the runtime '%s'",
			       s->program, s->runtime);
	if (limits_check(&s->limits, err) < 0)
		return -1;
	if (s->tmp_size == 0 || s->shm_size == 0)
		return err_set(err, ERR_BAD_RECORD, "jail spec: /tmp or /dev/shm without a size");
	if (s->bind_count > SPEC_BINDS_MAX)
		return err_set(err, ERR_BAD_RECORD, "jail spec: %u binds, at most %d",
			       s->bind_count, SPEC_BINDS_MAX);
	for (uint32_t i = 0; i < s->bind_count; i++) {
		const struct spec_bind *b = &s->bind[i];

		if (path_check(b->source, "source of a bind", err) < 0 ||
		    path_check(b->target, "target of a bind", err) < 0)
			return -1;
		if ((b->flags & ~(unsigned)(SPEC_BIND_WRITABLE | SPEC_BIND_OPTIONAL |
					    SPEC_BIND_PROGRAM)) ||
		    ((b->flags & SPEC_BIND_PROGRAM) &&
		     ((b->flags & SPEC_BIND_WRITABLE) || !(s->flags & SPEC_PROGRAMS))))
			return err_set(err, ERR_BAD_RECORD,
				       "jail spec: unknown flags %#x of bind '%s'", b->flags,
				       b->target);
	}
	if (!str_is_terminated(s->resolvers, sizeof(s->resolvers)))
		return err_set(err, ERR_BAD_RECORD,
			       "jail spec: the list of name servers has no end");
	if (s->payload_size > SPEC_PAYLOAD_MAX)
		return err_set(err, ERR_BAD_RECORD, "jail spec: payload of %u bytes, at most %d",
			       s->payload_size, SPEC_PAYLOAD_MAX);
	return 0;
}
