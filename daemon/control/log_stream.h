/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs on their way to a caller: the last lines of one site, and, where asked
 * for, those that come, over rotations.  Each stream has a thread that reads,
 * searches and waits; the HTTP thread only takes what is there.  Their number is
 * bounded, their memory too.  A stream ends when its caller has gone.
 */
#ifndef DAEMON_CONTROL_LOG_STREAM_H
#define DAEMON_CONTROL_LOG_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/control/log_filter.h"
#include "schema/wire.h"

#define LOG_STREAMS_MAX 16
#define LOG_STREAMS_OF_ONE 8		/* of one uid: others find room */
#define LOG_LINES_MAX 10000
#define LOG_LINES_USUAL 10

struct log_request {
	char site[SITE_MAX];
	uint32_t number;
	enum log_kind kind;
	uint32_t lines;			/* of what is there already */
	bool is_followed;
	uint32_t uid;			/* of the caller */
};

struct log_stream;

/* Called under the stream's lock: nothing is there, and something is. */
struct log_stream_owner {
	void (*sleep)(void *arg);
	void (*wake)(void *arg);
	void *arg;
};

/* Starts a stream.  CONNECTION is the caller's socket, which is watched for its
 * end; borrowed.  ERR_BUSY if there are too many, or of this uid. */
int log_stream_start(const char *run_dir, const struct log_request *request, int connection,
		     const struct log_stream_owner *owner, struct log_stream **out,
		     struct err *err);

/* Takes up to SIZE bytes; 0: nothing is there, and the owner sleeps; -1: the end. */
ssize_t log_stream_take(struct log_stream *s, char *out, size_t size);

/* Lets go of the stream: it ends and frees itself. */
void log_stream_close(struct log_stream *s);

/* Ends all: their owners are woken and find the end.  None starts any more. */
void log_streams_stop(void);

#endif
