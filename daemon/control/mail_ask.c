/* SPDX-License-Identifier: Apache-2.0 */
/* One question on tenant-mail's socket. */
#include "daemon/control/mail_ask.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/str.h"

bool mail_ask(const char *run_dir, uint32_t number, struct mail_count *out)
{
	const struct mail_head head = { .magic = MAIL_MAGIC, .version = MAIL_VERSION,
					.kind = MAIL_KIND_COUNT, .number = number };
	const struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    str_format(address.sun_path, sizeof(address.sun_path), "%s/%s/%s", run_dir,
		       MAIL_SOCKET_DIR, MAIL_SOCKET) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	return send(fd, &head, sizeof(head), MSG_NOSIGNAL) == (ssize_t)sizeof(head) &&
	       recv(fd, out, sizeof(*out), MSG_WAITALL) == (ssize_t)sizeof(*out) &&
	       out->number == number;
}
