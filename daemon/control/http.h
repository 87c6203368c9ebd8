/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the control socket, by libmicrohttpd: one thread, bounded connections,
 * bodies and times.  Reads are answered at once; changes are handed to the
 * changer, and their connections sleep until the answer is there.
 */
#ifndef DAEMON_CONTROL_HTTP_H
#define DAEMON_CONTROL_HTTP_H

#include "base/err.h"
#include "daemon/control/read.h"

#define HTTP_CONNECTIONS 64
#define HTTP_TIMEOUT_S 15
#define HTTP_HEADERS_MAX (16 * 1024)

struct http;

/* Serves the listening unix socket, which is taken.  READER belongs to the HTTP
 * thread from now on until http_stop(). */
int http_start(int listener, struct reader *reader, struct http **out, struct err *err);

/* No new connections. */
void http_quiesce(struct http *h);

/* Ends the thread.  The changer must have been stopped before: a connection
 * that sleeps would never wake. */
void http_stop(struct http *h);

#endif
