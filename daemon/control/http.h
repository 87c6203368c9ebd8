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

#define HTTP_TIMEOUT_S 15	/* without a byte; for whole requests see callers.h */
#define HTTP_HEADERS_MAX (16 * 1024)
#define HTTP_POOL (64 * 1024)	/* memory of a connection: beyond it no envelope can be sent */
#define HTTP_REPLIES_MAX (64 * 1024 * 1024)	/* bytes of replies that callers leave unread */

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
