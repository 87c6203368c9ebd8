/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the service manager. */
#include "base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define FIRST_FD 3

int notify_send_fds(const char *text, const int *fds, size_t count, struct err *err)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (!path || !*path)
		return 0;
	size_t length = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(to.sun_path))
		return err_set(err, ERR_SYSTEM, "NOTIFY_SOCKET '%s' is no socket address", path);
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0';	/* abstract: the length counts, no terminator */
	CLOSE_AT_EXIT int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_sys(err, "make a socket for NOTIFY_SOCKET");
	if (connect(sock, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return err_sys(err, "connect to NOTIFY_SOCKET '%s'", path);
	if (fd_send(sock, text, strlen(text), fds, count) < 0)
		return err_sys(err, "tell NOTIFY_SOCKET '%s'", path);
	return 0;
}

int notify_send(const char *text, struct err *err)
{
	return notify_send_fds(text, NULL, 0, err);
}

/* The next of the names that colons separate, into OUT; moves *AT on. */
static void next_name(const char **at, char *out, size_t size)
{
	size_t n = strcspn(*at, ":");

	out[0] = '\0';
	if (n < size) {
		memcpy(out, *at, n);
		out[n] = '\0';
	}
	*at += n;
	if (**at == ':')
		(*at)++;
}

void notify_take_fds(void (*each)(int fd, const char *name, void *arg), void *arg)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t whose = 0, count = 0;

	if (pid && fds && str_number(pid, INT_MAX, &whose) == 0 && (pid_t)whose == getpid() &&
	    str_number(fds, INT_MAX - FIRST_FD, &count) == 0) {
		if (!names)
			names = "";
		for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
			char name[64];

			next_name(&names, name, sizeof(name));
			if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
				each(fd, name, arg);
		}
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

int64_t notify_watchdog_ms(void)
{
	const char *period = getenv("WATCHDOG_USEC");
	uint64_t us = 0;

	if (!period || str_number(period, INT64_MAX, &us) < 0)
		return 0;
	return (int64_t)(us / 2000);	/* twice per period */
}
