/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts to learn names: of hosts, of sockets, of programs of the host's. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/probe/probe.h"

/* ---- /etc/hosts ---- */

enum promise_outcome probe_names_of_hosts(struct probe *p, const char *argument)
{
	char *at = (char *)(uintptr_t)probe_read(argument);	/* a buffer of ours */
	char *line_rest = NULL, *word_rest = NULL;
	bool is_found = false;

	for (char *line = at ? strtok_r(at, "\n", &line_rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &line_rest)) {
		if (!strtok_r(line, " \t", &word_rest))		/* the address */
			continue;
		for (char *name; (name = strtok_r(NULL, " \t", &word_rest));) {
			if (strstr(name, "localhost"))
				continue;
			/* A host name is cut where a site's is longer. */
			if (strncmp(name, p->spec->site, strlen(name)) != 0)
				return probe_say(p, PROMISE_BROKEN, "the name '%.60s'", name);
			is_found = true;
		}
	}
	return is_found ? probe_say(p, PROMISE_HELD, "only its own name") :
	       probe_say(p, PROMISE_UNPROVEN, "its own name is missing");
}

/* ---- /proc/self/net ---- */

/* Sockets that listen, or that have a name. */
static long count_sockets(const char *argument)
{
	static const char *const tables[] = { "unix", "tcp", "udp" };
	char path[32];
	long lines = 0;

	(void)argument;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		(void)str_format(path, sizeof(path), "/proc/self/net/%s", tables[i]);	/* fits */
		const char *at = probe_read(path);

		if (!at)
			return -1;
		for (lines--; *at; at = probe_next_line(at))
			lines++;	/* but for the head */
	}
	return lines;
}

/* Whether a listener on this port is in the list. */
static long find_listener(const char *port)
{
	const char *list = probe_read("/proc/self/net/tcp");

	return list && strstr(list, port) ? 0 : -1;
}

enum promise_outcome probe_sockets_of_others(struct probe *p, const char *argument)
{
	struct tried t = probe_try(count_sockets, argument);
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	CLOSE_AT_EXIT int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[16];

	if (own < 0 || bind(own, (struct sockaddr *)&at, size) < 0 || listen(own, 1) < 0 ||
	    getsockname(own, (struct sockaddr *)&at, &size) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "listen: %s", strerror(errno));
	(void)str_format(port, sizeof(port), ":%04X ", ntohs(at.sin_port));
	if (t.value < 0 || probe_try(find_listener, port).value < 0)
		return probe_say(p, PROMISE_UNPROVEN, "its own listener is not in the list");
	return probe_say(p, t.value ? PROMISE_BROKEN : PROMISE_HELD, "%ld of others", t.value);
}

/* ---- programs that run as somebody else ---- */

static char found[64];

static int look(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)walk;
	if (type != FTW_F || !S_ISREG(st->st_mode) || !(st->st_mode & (S_ISUID | S_ISGID)))
		return 0;
	(void)snprintf(found, sizeof(found), "%s", path);
	return 1;
}

enum promise_outcome probe_set_id_programs(struct probe *p, const char *argument)
{
	const char *own = "/tmp/.tenant-probe";
	CLOSE_AT_EXIT int fd = open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	bool is_seen = fd >= 0 && fchmod(fd, 04755) == 0 && nftw(own, look, 8, FTW_PHYS) == 1;

	(void)argument;
	(void)unlink(own);
	if (!is_seen)
		return probe_say(p, PROMISE_UNPROVEN, "make one of its own: %s", strerror(errno));
	switch (nftw("/usr", look, 8, FTW_PHYS)) {
	case 0:
		return probe_say(p, PROMISE_HELD, "there is none");
	case 1:
		return probe_say(p, PROMISE_BROKEN, "%s", found);
	default:
		return probe_say(p, PROMISE_UNPROVEN, "look through /usr: %s", strerror(errno));
	}
}
