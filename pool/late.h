/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that have waited too long for a worker: their visitors have given up
 * or soon will, so running them would only make the others wait as well.
 *
 * The web server says when it sent a request (a parameter of its own, which no
 * visitor can set).  A worker that becomes free discards those that are too old;
 * where none becomes free, the turnstile does: a child of the master that knows no
 * PHP, takes what has waited longest, and answers it at its deadline.
 */
#ifndef POOL_LATE_H
#define POOL_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/answer.h"
#include "pool/front.h"
#include "pool/runtime.h"

/* Milliseconds since the web server sent the request; 0 if it does not say.  The
 * parameter is taken away. */
uint64_t late_waited(struct params *p);

/* Answers 503 with Retry-After.  True if the connection can carry more. */
bool late_refuse(struct front *f, struct answer *a);

/* The turnstile.  It ends when LINK does. */
_Noreturn void late_turnstile(const struct runtime_pool *pool, int link);

#endif
