/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to one request, written by libfcgi: its streams cut STDOUT into
 * records and end the request.  STDERR waits for a flush or the end: libfcgi would send
 * a record for every 512 bytes, and each wakes the web server, which all sites share.
 *
 * libfcgi starts a request only by reading one.  It reads a constant head from
 * a memfd of ours; then the request's id and connection are set in its struct.
 * So its parser never meets a client (pool/front.h does).
 */
#ifndef POOL_ANSWER_H
#define POOL_ANSWER_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ANSWER_ERRORS_MAX 65528u	/* STDERR bytes of one request: a record, without padding */

/* STDERR as it is sent: a record, and the empty one that ends the stream. */
struct answer_errors {
	size_t size;		/* of the text that waits */
	size_t left;		/* of ANSWER_ERRORS_MAX */
	unsigned char record[8 + ANSWER_ERRORS_MAX + 8];
};

struct answer {
	FCGX_Request fcgi;
	int head;		/* memfd; not to be shared, for its offset would be */
	bool is_open;		/* begun and not yet ended */
	struct answer_errors errors;
};

/* Once per worker; *A is static, for its size. */
int answer_init(struct answer *a, struct err *err);

/* Begins the answer to request ID on the connection, which stays the caller's. */
int answer_begin(struct answer *a, int fd, uint16_t id, struct err *err);

/* False once the client has gone.  One that takes nothing is waited for: the master
 * ends the worker after request_terminate_timeout. */
bool answer_write(struct answer *a, const char *data, size_t size);
bool answer_flush(struct answer *a);

/* For the web server's error log.  A piece for which ANSWER_ERRORS_MAX leaves no room is
 * dropped: that log lies outside of every quota of the tenant. */
void answer_error(struct answer *a, const char *data, size_t size);

/* Sends what is left and the end of the request.  Idempotent.  False if the
 * client has not got all of it. */
bool answer_end(struct answer *a);

#endif
