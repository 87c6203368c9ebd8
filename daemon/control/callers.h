/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected to the API: how many connections a caller has, and until when
 * a request must have come in whole.  libmicrohttpd's own timeout begins anew
 * with each byte, so a caller who sends one now and then would stay for ever.
 * Each function may be called from any thread.
 */
#ifndef DAEMON_CONTROL_CALLERS_H
#define DAEMON_CONTROL_CALLERS_H

#include <stdint.h>

#include "base/err.h"

#define CALLERS_MAX 128		/* connections of all together */
#define CALLER_MAX 64		/* of one uid: others find room */
#define CALLER_REQUEST_S 30	/* for a request to come in whole */

struct callers;
struct caller;			/* one connection */

/* Starts the thread that ends those that take too long.  DEADLINE_S is
 * CALLER_REQUEST_S but in tests. */
int callers_start(int deadline_s, struct callers **out, struct err *err);
void callers_stop(struct callers *c);

/* A new connection, whose descriptor is borrowed until callers_remove().  NULL
 * if this uid has too many. */
struct caller *callers_add(struct callers *c, int fd, uint32_t uid);
void callers_remove(struct callers *c, struct caller *one);	/* accepts NULL */

/* From now on the caller is waited for, or waits for us. */
void callers_wait(struct callers *c, struct caller *one);
void callers_serve(struct callers *c, struct caller *one);

#endif
