/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of tenant-build or tenant-nginx that sends frames: steps on the way
 * and one reply.  What comes is checked; a run without a right reply is a
 * failure that says what the program did instead.
 */
#ifndef DAEMON_SUPERVISOR_HELPER_H
#define DAEMON_SUPERVISOR_HELPER_H

#include "daemon/supervisor/child.h"
#include "schema/wire.h"

struct helper {
	struct child child;
	const char *program;
	int sock;
	struct loop_watch watch;
	void (*on_step)(void *owner, const struct wire_step *step);
	void (*on_done)(void *owner);	/* error and reply stand below */
	void *owner;
	int64_t limit_ms;
	unsigned steps;
	bool has_reply;
	struct wire_head head;		/* of the reply */
	unsigned char payload[WIRE_FRAME_MAX];	/* head.size bytes */
	struct err err;			/* why the run failed; code 0: it did not */
};

void helper_init(struct helper *h, struct place *p,
		 void (*on_step)(void *owner, const struct wire_step *step),
		 void (*on_done)(void *owner), void *owner);

/* Starts PROGRAM with ARGUMENT (or NULL).  FDS become 3 and up, followed by the
 * descriptor for replies.  COUNT is at most HELPER_FDS_MAX. */
#define HELPER_FDS_MAX 4
int helper_start(struct helper *h, const char *program, const char *argument, const int *fds,
		 size_t count, int64_t limit_ms, struct err *err);

#endif
