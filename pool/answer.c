/* SPDX-License-Identifier: Apache-2.0 */
/* libfcgi's streams on a connection that libfcgi has not read. */
#include "pool/answer.h"

#include <fastcgi.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "schema/errors.h"

/* BEGIN_REQUEST for a responder on a kept connection (libfcgi then never closes
 * it), and no parameters. */
static const unsigned char head[] = {
	FCGI_VERSION_1, FCGI_BEGIN_REQUEST, 0, 1, 0, 8, 0, 0,
	0, FCGI_RESPONDER, FCGI_KEEP_CONN, 0, 0, 0, 0, 0,
	FCGI_VERSION_1, FCGI_PARAMS, 0, 1, 0, 0, 0, 0,
};

int answer_init(struct answer *a, struct err *err)
{
	int rc = FCGX_Init();

	/* FCGX_Init installs handlers that would make a worker survive SIGTERM and
	 * be interrupted by SIGPIPE. */
	(void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	(void)sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	(void)sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	a->is_open = false;
	if (rc != 0)
		return err_set(err, ERR_PHP, "libfcgi does not start: status %d", rc);
	(void)FCGX_InitRequest(&a->fcgi, -1, 0);
	a->head = fd_sealed("fastcgi-head", head, sizeof(head), err);
	return a->head < 0 ? -1 : 0;
}

int answer_begin(struct answer *a, int fd, uint16_t id, struct err *err)
{
	if (lseek(a->head, 0, SEEK_SET) < 0)
		return err_sys(err, "rewind libfcgi's request head");
	a->fcgi.ipcFd = a->head;
	a->fcgi.keepConnection = 1;
	if (FCGX_Accept_r(&a->fcgi) < 0)
		return err_set(err, ERR_PHP, "libfcgi does not take its request head");
	a->fcgi.ipcFd = fd;
	a->fcgi.requestId = id;
	a->is_open = true;
	a->errors.size = 0;
	a->errors.left = ANSWER_ERRORS_MAX;
	return 0;
}

bool answer_write(struct answer *a, const char *data, size_t size)
{
	while (a->is_open && size > 0) {
		int part = size > INT_MAX ? INT_MAX : (int)size;

		if (FCGX_PutStr(data, part, a->fcgi.out) != part)
			return false;
		data += part;
		size -= (size_t)part;
	}
	return a->is_open;
}

static size_t put_header(unsigned char *at, int id, size_t size)
{
	const FCGI_Header header = {
		.version = FCGI_VERSION_1, .type = FCGI_STDERR,
		.requestIdB1 = (unsigned char)(id >> 8), .requestIdB0 = (unsigned char)id,
		.contentLengthB1 = (unsigned char)(size >> 8),
		.contentLengthB0 = (unsigned char)size,
	};

	memcpy(at, &header, sizeof(header));
	return sizeof(header) + size;
}

/* What waits, as one record; and the end of the stream, if it has begun. */
static bool send_errors(struct answer *a, bool is_last)
{
	struct answer_errors *e = &a->errors;
	size_t size = 0;

	if (e->size > 0)
		size = put_header(e->record, a->fcgi.requestId, e->size);
	if (is_last && e->left < ANSWER_ERRORS_MAX)
		size += put_header(e->record + size, a->fcgi.requestId, 0);
	e->size = 0;
	return fd_write_full(a->fcgi.ipcFd, e->record, size) == 0;
}

bool answer_flush(struct answer *a)
{
	/* The send of nothing fails where the client has gone: a script that flushes
	 * learns it also while its output waits in PHP's own buffer. */
	return a->is_open && send_errors(a, false) && FCGX_FFlush(a->fcgi.out) == 0 &&
	       send(a->fcgi.ipcFd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == 0;
}

void answer_error(struct answer *a, const char *data, size_t size)
{
	struct answer_errors *e = &a->errors;

	if (!a->is_open || size > e->left)
		return;		/* the tenant's own log has it */
	memcpy(e->record + sizeof(FCGI_Header) + e->size, data, size);
	e->size += size;
	e->left -= size;
}

bool answer_end(struct answer *a)
{
	bool is_ok = true;

	if (!a->is_open)
		return true;
	a->is_open = false;
	is_ok = send_errors(a, true);
	is_ok = FCGX_FClose(a->fcgi.err) == 0 && is_ok;	/* empty: only counts as ended */
	is_ok = FCGX_FClose(a->fcgi.out) == 0 && is_ok;
	a->fcgi.ipcFd = -1;	/* ours to close: libfcgi would linger on it */
	FCGX_Finish_r(&a->fcgi);
	return is_ok;
}
