/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-control as a child, for runs without units (-C): the supervisor binds
 * the API socket and keeps the program alive.
 */
#ifndef DAEMON_SUPERVISOR_CONTROL_CHILD_H
#define DAEMON_SUPERVISOR_CONTROL_CHILD_H

#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/child.h"

struct control_child {
	struct place *place;
	struct child child;
	int listener[2];	/* of the API, of the status pages */
	struct loop_timer restart;
	struct backoff backoff;
	int64_t started_ms;
	bool is_stopping;
};

/* Binds control.sock and status.sock and starts the program. */
int control_child_init(struct control_child *c, struct place *place, struct err *err);

/* Asks it to end, once and for all. */
void control_child_stop(struct control_child *c);

#endif
