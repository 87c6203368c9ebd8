/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request over tenantd's unix socket. */
#ifndef ADMIN_CLI_CONNECTION_H
#define ADMIN_CLI_CONNECTION_H

#include "base/err.h"
#include "base/str.h"

#define CONNECTION_SOCKET_DEFAULT "/run/tenantd/control.sock"

/* The socket to use: the one that was GIVEN, else TENANTD_SOCKET, else the usual. */
const char *connection_socket(const char *given);

/* GET PATH for the impatient: gives up after seconds. */
int connection_ask(const char *socket, const char *path, struct text *out, struct err *err);

/* Sends METHOD PATH with the JSON text BODY (NULL: none) and appends the body
 * of the answer.  ERR_NO_DAEMON if nobody answers: the text says what was
 * tried and what to do.  ERR_DENIED if the socket may not be opened.  A change
 * may take minutes; the wait is bounded. */
int connection_request(const char *socket, const char *method, const char *path,
		       const char *body, struct text *out, struct err *err);

/* Called with each piece of an answer as it comes; not 0 ends the request. */
typedef int connection_sink(void *arg, const char *data, size_t size);

/* GET PATH, without an end of the wait.  The body of an answer 200 goes to SINK;
 * that of any other is appended to OUT, and the function returns 1. */
int connection_stream(const char *socket, const char *path, connection_sink *sink, void *arg,
		      struct text *out, struct err *err);

/* POST PATH with BODY, asking for a handover (daemon/control/handover.h).  0: COUNT
 * descriptors have come and are the caller's.  1: the answer is another one and
 * is appended to OUT. */
int connection_handover(const char *socket, const char *path, const char *body, int *fds,
			size_t count, struct text *out, struct err *err);

#endif
