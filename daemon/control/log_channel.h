/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer of a log stream, between the thread that reads the log and the HTTP thread that
 * takes what is there.  Either may go first; the second is told, to free what they share.
 */
#ifndef DAEMON_CONTROL_LOG_CHANNEL_H
#define DAEMON_CONTROL_LOG_CHANNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/control/log_stream.h"

#define LOG_CHANNEL_SIZE (64 * 1024)

struct log_channel {
	struct log_stream_owner owner;
	int connection;			/* the caller's; borrowed */

	pthread_mutex_t lock;		/* over all that follows */
	pthread_cond_t room;
	char buffer[LOG_CHANNEL_SIZE];
	size_t begin, end;
	bool is_sleeping;		/* the owner */
	bool is_ended;			/* nothing comes any more */
	bool is_closed;			/* nobody takes any more */
	bool is_writer_gone;
};

/* Fills C, which is zeroed; cannot fail. */
void log_channel_init(struct log_channel *c, const struct log_stream_owner *owner,
		      int connection);
void log_channel_done(struct log_channel *c);

/* Ends it from outside: the owner is woken and finds the end. */
void log_channel_end(struct log_channel *c);

/* ---- the thread that reads the log ---- */

/* True if nobody takes any more, or nothing is to come. */
bool log_channel_is_over(struct log_channel *c);

/* True if the caller has hung up, after at most WAIT_MS. */
bool log_channel_is_left(const struct log_channel *c, int wait_ms);

/* Hands SIZE bytes over; waits for a caller that reads slowly. */
void log_channel_put(struct log_channel *c, const char *data, size_t size);

/* Nothing comes any more.  True if the owner has gone already. */
bool log_channel_leave(struct log_channel *c);

/* ---- the owner ---- */

/* As log_stream_take(). */
ssize_t log_channel_take(struct log_channel *c, char *out, size_t size);

/* Nothing is taken any more.  True if the other thread has gone already. */
bool log_channel_close(struct log_channel *c);

#endif
