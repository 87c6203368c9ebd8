/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of mail_wire.def. */
#include "pool/mail_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "pool/clock.h"
#include "schema/errors.h"

/* Not longer than what the service takes between two looks at its queue. */
#define CONNECT_AGAIN_MS 10

/* False at the end of the time.  PHP's own clock sends signals meanwhile. */
static bool wait_for(const struct mail_client *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };

	for (;;) {
		int64_t left = c->end_ms - (int64_t)clock_ms();
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (rc > 0)
			return true;
		if (rc == 0 || errno != EINTR)
			return false;
	}
}

static bool send_all(struct mail_client *c, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0 && !c->is_refused) {
		ssize_t n = send(c->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n == 0 || errno != EAGAIN || !wait_for(c, POLLOUT)) {
			c->is_refused = true;
		}
	}
	return !c->is_refused;
}

static int open_socket(struct mail_client *c, struct err *err)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
					     .sun_path = MAIL_JAIL_DIR "/" MAIL_SOCKET };

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return err_sys(err, "make a socket");
	/* EAGAIN: its queue of callers is full, and no poll would tell when not. */
	for (;;) {
		if (connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno != EAGAIN || (int64_t)clock_ms() >= c->end_ms)
			break;
		(void)poll(NULL, 0, CONNECT_AGAIN_MS);
	}
	int rc = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN ?
		 err_set(err, ERR_FAILED, "the machine's mail service does not answer; try again "
			 "later") :
		 err_sys(err, "connect to the machine's mail service");

	fd_close(&c->fd);
	return rc;
}

int mail_client_open(struct mail_client *c, const struct mail_args *args, struct err *err)
{
	struct mail_head head = { .magic = MAIL_MAGIC, .version = MAIL_VERSION,
				  .kind = MAIL_KIND_SEND, .reads_headers = args->reads_headers };

	*c = (struct mail_client){ .fd = -1,
				   .end_ms = (int64_t)clock_ms() + MAIL_RECEIVE_S * 1000 };
	if (args->sender[0])
		head.sender_size = (uint32_t)strlen(args->sender) + 1;
	for (size_t i = 0; i < args->recipient_count; i++)
		head.recipients_size += (uint32_t)strlen(args->recipients[i]) + 1;
	if (open_socket(c, err) < 0)
		return -1;
	(void)send_all(c, &head, sizeof(head));
	(void)send_all(c, args->sender, head.sender_size);
	for (size_t i = 0; i < args->recipient_count; i++)
		(void)send_all(c, args->recipients[i], strlen(args->recipients[i]) + 1);
	return 0;
}

bool mail_client_write(struct mail_client *c, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		uint32_t piece = size < MAIL_PIECE_MAX ? (uint32_t)size : MAIL_PIECE_MAX;

		if (!send_all(c, &piece, sizeof(piece)) || !send_all(c, at, piece))
			return false;
		at += piece;
		size -= piece;
	}
	return true;
}

static bool receive_all(struct mail_client *c, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = recv(c->fd, at, size, 0);

		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else if (n == 0 ||
			   (errno != EINTR && (errno != EAGAIN || !wait_for(c, POLLIN)))) {
			return false;
		}
	}
	return true;
}

void mail_client_end(struct mail_client *c, struct mail_answer *out)
{
	const uint32_t end = 0;

	(void)send_all(c, &end, sizeof(end));
	c->end_ms = (int64_t)clock_ms() + MAIL_CLIENT_S * 1000;
	if (!receive_all(c, out, sizeof(*out)) || out->magic != MAIL_MAGIC ||
	    !str_is_terminated(out->text, sizeof(out->text))) {
		*out = (struct mail_answer){ .magic = MAIL_MAGIC, .result = MAIL_RESULT_FAILED };
		(void)str_copy(out->text, sizeof(out->text),
			       "the machine's mail service did not say what became of it");
	}
	fd_close(&c->fd);
}

void mail_client_abandon(struct mail_client *c)
{
	fd_close(&c->fd);
}
