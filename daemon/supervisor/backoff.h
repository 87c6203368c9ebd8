/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait after a failure: 1 s, 2 s, 4 s ... 60 s.  Whoever ran well
 * for longer than the longest wait begins again at 1 s.  Pure.
 */
#ifndef DAEMON_SUPERVISOR_BACKOFF_H
#define DAEMON_SUPERVISOR_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000

struct backoff {
	int64_t delay_ms;	/* the last one; 0: nothing has failed */
};

/* The wait after a failure that followed RAN_MS of good running. */
int64_t backoff_next(struct backoff *b, int64_t ran_ms);

void backoff_reset(struct backoff *b);

#endif
