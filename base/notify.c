/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the service manager. */
#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"

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
