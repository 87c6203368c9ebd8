/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blocking connection to the supervisor: one request, its STEP frames, its
 * reply.  Every wait ends.  Whatever is not the expected frame closes the link.
 * One link belongs to one thread.
 */
#ifndef DAEMON_CONTROL_LINK_H
#define DAEMON_CONTROL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/wire.h"

#define LINK_FDS_MAX 4

struct link {
	int fd;				/* -1: closed */
	int quick_ms;			/* longest wait for what the supervisor knows */
	int build_ms;			/* and for what a builder does */
	const char *run_dir;		/* the caller's */
	bool is_late;			/* the last wait ended because nothing came */
	uint32_t serial;
	/* descriptors that may come, and those that came, with the next frame */
	int fds[LINK_FDS_MAX];
	size_t fds_wanted, fd_count;
	/* the last reply */
	struct wire_head head;
	size_t size;			/* of the payload */
	unsigned char frame[WIRE_FRAME_MAX];
};

/* Called for each step of a change. */
typedef void link_step(void *ctx, const struct wire_step *step);

void link_init(struct link *l, int quick_ms, int build_ms);

/* Connects to RUN_DIR/supervisor.sock and greets.  RUN_DIR is borrowed.  ERR_NO_DAEMON. */
int link_open(struct link *l, const char *run_dir, struct err *err);
void link_close(struct link *l);
bool link_is_open(const struct link *l);

/* Sends a request and waits.  A long wait goes on only while the supervisor greets
 * a second caller: one that is stopped or hangs is told of soon.  The payload is
 * SIZE bytes, which the verb must want.  On an error that the other side reports,
 * its code and text; the link stays open.  ERR_NO_DAEMON, and a closed link, if no
 * answer came: then nobody knows whether the request was carried out. */
int link_call(struct link *l, uint16_t verb, uint32_t number, const void *payload, size_t size,
	      link_step *each, void *ctx, struct err *err);

/* The same for a verb whose reply brings descriptors: at most *COUNT of them,
 * which become the caller's; *COUNT becomes how many came. */
int link_call_fds(struct link *l, uint16_t verb, uint32_t number, const void *payload, size_t size,
		  int *fds, size_t *count, struct err *err);

/* The payload of the last reply. */
const void *link_payload(const struct link *l);

#endif
