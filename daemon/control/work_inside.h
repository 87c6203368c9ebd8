/* SPDX-License-Identifier: Apache-2.0 */
/* What work.c and work_call.c share, and nobody else sees. */
#ifndef DAEMON_CONTROL_WORK_INSIDE_H
#define DAEMON_CONTROL_WORK_INSIDE_H

#include "daemon/control/work.h"

/* Ends a step whose outcome is open: the reconciler will see to it.  -1. */
int work_leave(struct work *w);

/* Sends VERB with what the tenant should be, and waits for its end. */
int work_call(struct work *w, uint16_t verb, uint32_t number, const struct tenant *t,
	      struct err *err);

/* *out tells whether the number has a spec: the head of the next page of the list. */
int work_stands(struct work *w, uint32_t number, bool *out, struct err *err);

/* A new site is tried when it stands, but for its script to preload, which cannot be there
 * yet, and only where there is something to judge. */
int work_try_new(struct work *w, const struct tenant *t, struct err *err);

#endif
