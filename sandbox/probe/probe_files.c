/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts to find, in the cage's folders, what is not the cage's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/probe/probe.h"

struct listing {
	const char *const *known;	/* NULL behind the last one */
	const char *own[2];		/* two more */
	char stranger[64];
	int found;
};

static void compare(const char *name, void *arg)
{
	struct listing *l = arg;

	for (int i = 0; i < 2; i++)
		if (l->own[i] && strcmp(name, l->own[i]) == 0) {
			l->found++;
			return;
		}
	for (int i = 0; l->known && l->known[i]; i++) {
		size_t n = strcspn(l->known[i], "*");

		if (strncmp(name, l->known[i], n) == 0 && (l->known[i][n] || !name[n])) {
			l->found++;
			return;
		}
	}
	(void)snprintf(l->stranger, sizeof(l->stranger), "%s", name);
}

static enum promise_outcome judge_listing(struct probe *p, const char *path, struct listing *l)
{
	if (probe_list(path, compare, l) < 0)
		return probe_say(p, PROMISE_BROKEN, "'%.40s' is not the cage's own: %s", path,
				 strerror(errno));
	if (l->stranger[0])
		return probe_say(p, PROMISE_BROKEN, "'%.40s' in '%.30s'", l->stranger, path);
	if (l->found == 0)
		return probe_say(p, PROMISE_UNPROVEN, "nothing in '%.40s'", path);
	return probe_say(p, PROMISE_HELD, "nothing strange in '%.40s'", path);
}

enum promise_outcome probe_only_own_home(struct probe *p, const char *argument)
{
	char folder[POOL_PATH_MAX];

	(void)argument;
	(void)str_copy(folder, sizeof(folder), p->spec->home);
	char *slash = strrchr(folder, '/');

	*slash = '\0';
	struct listing l = { .own = { slash + 1 } };

	return judge_listing(p, folder, &l);
}

/* The component of PATH right below FOLDER, or NULL. */
static const char *below(const char *folder, const char *path, char out[PROBE_NAME_MAX])
{
	size_t n = folder[1] ? strlen(folder) : 0;

	return strncmp(path, folder, n) == 0 && path[n] == '/' ? probe_top(path + n, out) : NULL;
}

enum promise_outcome probe_list_within(struct probe *p, const char *argument)
{
	static const char *const root[] = { "bin", "dev", "etc", "lib*", "proc", "run", "sbin",
					    "tmp", "usr", NULL };
	static const char *const etc[] = {
		"ImageMagick-*", "alternatives", "fonts", "group", "host.conf", "hostname", "hosts",
		"ld.so.cache", "localtime", "nsswitch.conf", "passwd", "php", "protocols",
		"resolv.conf", "services", "ssl", NULL };
	static const char *const usr[] = { "bin", "lib*", "local", "sbin", "share", NULL };
	static const char *const local[] = { "share", NULL };
	static const char *const run[] = { "mail", "mysqld", "redis*", "valkey*", NULL };
	static const char *const dev[] = { "fd", "full", "null", "random", "shm", "stderr", "stdin",
					   "stdout", "urandom", "zero", NULL };
	static const struct { const char *path; const char *const *known; } folders[] = {
		{ "/", root }, { "/etc", etc }, { "/dev", dev }, { "/usr", usr },
		{ "/usr/local", local }, { "/run", run },
	};
	char home[PROBE_NAME_MAX], runtime[PROBE_NAME_MAX];
	struct listing l = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (strcmp(folders[i].path, argument) == 0)
			l.known = folders[i].known;
	l.own[0] = below(argument, p->spec->home, home);
	l.own[1] = below(argument, p->program, runtime);
	if (argument[1] && access(argument, F_OK) < 0 && errno == ENOENT)
		return probe_say(p, PROMISE_HELD, "there is no '%s'", argument);
	return judge_listing(p, argument, &l);
}

enum promise_outcome probe_names_of_users(struct probe *p, const char *argument)
{
	const char *at = probe_read(argument);
	bool is_found = false;

	for (; at && *at; at = probe_next_line(at)) {
		unsigned uid = 0;
		char name[32];

		if (sscanf(at, "%31[^:]:%*[^:]:%u", name, &uid) != 2)
			continue;
		if (uid == p->spec->uid)
			is_found = true;
		else if (strcmp(name, "root") != 0 && strcmp(name, "nobody") != 0 &&
			 strcmp(name, "nogroup") != 0)
			return probe_say(p, PROMISE_BROKEN, "the name '%s'", name);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "only its own name") :
	       probe_say(p, PROMISE_UNPROVEN, "its own name is missing");
}

static uint64_t room_of(const struct probe *p, const char *path)
{
	return strcmp(path, "/tmp") == 0 ? p->spec->options.tmp_size : p->spec->options.shm_size;
}

static void count(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
}

enum promise_outcome probe_own_temporary(struct probe *p, const char *argument)
{
	char path[64];
	struct statvfs v;
	int entries = 0;

	if (statvfs(argument, &v) < 0 || probe_list(argument, count, &entries) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "look at it: %s", strerror(errno));
	if (entries > 0 || (uint64_t)v.f_blocks * v.f_frsize > room_of(p, argument) + 65536)
		return probe_say(p, PROMISE_BROKEN, "%d files of others, or another file system",
				 entries);
	(void)str_format(path, sizeof(path), "%s/.tenant-probe", argument);
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || unlink(path) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "make a file: %s", strerror(errno));
	return probe_say(p, PROMISE_HELD, "empty, and its own");
}

enum promise_outcome probe_room(struct probe *p, const char *argument)
{
	struct statvfs v;

	if (statvfs(argument, &v) < 0 || v.f_blocks == 0)
		return probe_say(p, PROMISE_UNPROVEN, "ask for its size: %s", strerror(errno));
	uint64_t has = (uint64_t)v.f_blocks * v.f_frsize, wants = room_of(p, argument);

	return probe_say(p, has <= wants + v.f_frsize && v.f_files > 0 ? PROMISE_HELD :
			 PROMISE_BROKEN, "%llu bytes, %llu by plan", (unsigned long long)has,
			 (unsigned long long)wants);
}
