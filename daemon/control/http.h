/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the control socket, by libmicrohttpd: one thread, bounded connections,
 * bodies and times.  It waits for nothing else: questions are handed to the
 * readers, changes to the changer, and their connections sleep until the answer
 * is there.
 */
#ifndef DAEMON_CONTROL_HTTP_H
#define DAEMON_CONTROL_HTTP_H

#include "base/err.h"
#include "daemon/control/readers.h"

#define HTTP_CONNECTIONS 64
#define HTTP_TIMEOUT_S 15
#define HTTP_HEADERS_MAX (16 * 1024)

struct http;

/* Serves the listening unix socket, which is taken.  RUN_DIR is borrowed. */
int http_start(int listener, struct changer *changer, struct readers *readers, const char *run_dir,
	       struct http **out, struct err *err);

/* No new connections. */
void http_quiesce(struct http *h);

/* Ends the thread.  Changer and readers must have been stopped before: a
 * connection that sleeps would never wake. */
void http_stop(struct http *h);

#endif
