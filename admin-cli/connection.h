/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request over tenantd's unix socket. */
#ifndef ADMIN_CLI_CONNECTION_H
#define ADMIN_CLI_CONNECTION_H

#include "base/err.h"
#include "base/str.h"

#define CONNECTION_SOCKET_DEFAULT "/run/tenantd/control.sock"

/* Sends METHOD PATH with the JSON text BODY (NULL: none) and appends the body
 * of the answer.  ERR_NO_DAEMON if nobody answers: the text says what was
 * tried and what to do.  ERR_DENIED if the socket may not be opened.  A change
 * may take minutes; the wait is bounded. */
int connection_request(const char *socket, const char *method, const char *path,
		       const char *body, struct text *out, struct err *err);

#endif
