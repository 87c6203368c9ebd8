/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on what was left open: descriptors, sockets, and places where something would stay. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/probe/probe.h"

#define DEPTH_MAX 5
#define ENTRIES_MAX 20000

enum promise_outcome probe_descriptors(struct probe *p, const char *argument)
{
	static const int given[] = { POOL_FD_LISTENER, POOL_FD_SPEC, POOL_FD_REPORT,
				     POOL_FD_FILTER };

	(void)argument;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		if (fcntl(given[i], F_GETFD) < 0)
			return probe_say(p, PROMISE_UNPROVEN, "descriptor %d is missing", given[i]);
	if (!p->strays)
		return probe_say(p, PROMISE_HELD, "only what the pool needs");
	return probe_say(p, PROMISE_BROKEN, "%d more, such as '%s'", p->strays, p->stray);
}

static long map_shared(const char *argument)
{
	void *at = mmap(NULL, 1, PROT_READ | PROT_WRITE,
			*argument ? MAP_PRIVATE : MAP_SHARED, POOL_FD_FILTER, 0);

	return at == MAP_FAILED ? -1 : munmap(at, 1);
}

enum promise_outcome probe_change_filter(struct probe *p, const char *argument)
{
	struct tried own = probe_try(map_shared, "a copy");
	struct tried t = probe_try(map_shared, argument);

	if (own.value != 0 || own.signal)
		return probe_say(p, PROMISE_UNPROVEN, "map a copy: %s", strerror(own.error));
	return probe_judge(p, &t, "map it for writing");
}

/* ---- sockets ---- */

struct search {
	char path[POOL_PATH_MAX];
	dev_t device;		/* what is mounted below was given by the plan */
	int depth, entries;
	char found[64];
};

static void look(const char *name, void *arg)
{
	struct search *s = arg;
	size_t size = strlen(s->path);
	struct stat st;

	if (s->found[0] || ++s->entries > ENTRIES_MAX ||
	    str_format(s->path + size, sizeof(s->path) - size, "/%s", name) < 0) {
		s->path[size] = '\0';
		return;
	}
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device) {
		if (S_ISSOCK(st.st_mode))
			(void)str_format(s->found, sizeof(s->found), "%.*s",
					 (int)sizeof(s->found) - 1, s->path);
		else if (S_ISDIR(st.st_mode) && s->depth < DEPTH_MAX) {
			s->depth++;
			(void)probe_list(s->path, look, s);	/* closed to it: nothing found */
			s->depth--;
		}
	}
	s->path[size] = '\0';
}

static bool finds_socket(struct search *s, const char *folder)
{
	struct stat st;

	*s = (struct search){ 0 };
	if (str_copy(s->path, sizeof(s->path), folder) < 0 || stat(folder, &st) < 0)
		return false;
	s->device = st.st_dev;
	(void)probe_list(folder, look, s);
	return s->found[0];
}

/* A socket in a folder of its own, found as one of the host's would be. */
static bool finds_its_own(const struct probe *p, struct search *s)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = ".tenant-probe.sock" };
	CLOSE_AT_EXIT int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* From there: the path of a home may be longer than an address. */
	if (sock < 0 || chdir(probe_home(p, "tmp")) < 0)
		return false;
	(void)unlink(at.sun_path);
	bool is_found = bind(sock, (struct sockaddr *)&at, sizeof(at)) == 0 && finds_socket(s, ".");

	(void)unlink(at.sun_path);
	return is_found;
}

enum promise_outcome probe_socket_files(struct probe *p, const char *argument)
{
	static const char *const folders[] = { "/run", "/var", "/dev" };
	static struct search s;

	(void)argument;
	if (!finds_its_own(p, &s))
		return probe_say(p, PROMISE_UNPROVEN, "find a socket of its own: %s",
				 strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (finds_socket(&s, folders[i]))
			return probe_say(p, PROMISE_BROKEN, "'%s'", s.found);
	return probe_say(p, PROMISE_HELD, "none but its own");
}

/* ---- what would stay ---- */

static long may_write(const char *path)
{
	return access(path, W_OK | X_OK);
}

enum promise_outcome probe_lasting_places(struct probe *p, const char *argument)
{
	static const char *const places[] = {
		"/etc/cron.d", "/etc/profile.d", "/etc/systemd/system", "/root", "/run/lock",
		"/run/systemd/system", "/run/user", "/var/lib/systemd/linger", "/var/mail",
		"/var/spool/cron/atjobs", "/var/spool/cron/crontabs", "/var/spool/postfix/maildrop",
		"/var/tmp", "/dev/mqueue",
	};
	struct tried own = probe_try(may_write, probe_home(p, "tmp"));

	(void)argument;
	if (own.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "its own tmp: %s", strerror(own.error));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (probe_try(may_write, places[i]).value == 0)
			return probe_say(p, PROMISE_BROKEN, "it may write in '%s'", places[i]);
	return probe_say(p, PROMISE_HELD, "in none of %zu places", ARRAY_SIZE(places));
}
