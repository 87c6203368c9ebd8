/* SPDX-License-Identifier: Apache-2.0 */
/* One lock, one condition, and the owner's own way to sleep. */
#include "daemon/control/log_channel.h"

#include <poll.h>
#include <string.h>
#include <time.h>

static void wake_owner(struct log_channel *c)
{
	if (c->is_sleeping && !c->is_closed) {
		c->is_sleeping = false;
		c->owner.wake(c->owner.arg);
	}
}

bool log_channel_is_over(struct log_channel *c)
{
	(void)pthread_mutex_lock(&c->lock);
	bool over = c->is_closed || c->is_ended;
	(void)pthread_mutex_unlock(&c->lock);
	return over;
}

bool log_channel_is_left(const struct log_channel *c, int wait_ms)
{
	struct pollfd p = { .fd = c->connection, .events = POLLRDHUP };

	return poll(&p, 1, wait_ms) > 0;
}

static void wait_for_room(struct log_channel *c)
{
	struct timespec until = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	(void)pthread_cond_timedwait(&c->room, &c->lock, &until);
}

void log_channel_put(struct log_channel *c, const char *data, size_t size)
{
	(void)pthread_mutex_lock(&c->lock);
	while (size > 0 && !c->is_closed && !c->is_ended) {
		size_t n = LOG_CHANNEL_SIZE - c->end < size ? LOG_CHANNEL_SIZE - c->end : size;

		memcpy(c->buffer + c->end, data, n);
		c->end += n;
		data += n;
		size -= n;
		if (c->end > c->begin)
			wake_owner(c);
		if (size > 0)
			wait_for_room(c);
		/* One that sends nothing and reads nothing may have gone. */
		if (size > 0 && c->end == LOG_CHANNEL_SIZE && log_channel_is_left(c, 0))
			c->is_ended = true;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

bool log_channel_leave(struct log_channel *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->is_ended = true;
	c->is_writer_gone = true;
	bool is_last = c->is_closed;

	wake_owner(c);
	(void)pthread_mutex_unlock(&c->lock);
	return is_last;
}

ssize_t log_channel_take(struct log_channel *c, char *out, size_t size)
{
	ssize_t rc = 0;

	(void)pthread_mutex_lock(&c->lock);
	size_t n = c->end - c->begin < size ? c->end - c->begin : size;

	if (n > 0) {
		memcpy(out, c->buffer + c->begin, n);
		c->begin += n;
		if (c->begin == c->end)
			c->begin = c->end = 0;
		(void)pthread_cond_signal(&c->room);
		rc = (ssize_t)n;
	} else if (c->is_ended) {
		rc = -1;
	} else {
		c->is_sleeping = true;
		c->owner.sleep(c->owner.arg);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return rc;
}

bool log_channel_close(struct log_channel *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->is_closed = true;
	bool is_last = c->is_writer_gone;

	(void)pthread_cond_signal(&c->room);
	(void)pthread_mutex_unlock(&c->lock);
	return is_last;
}

void log_channel_end(struct log_channel *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->is_ended = true;
	(void)pthread_cond_signal(&c->room);
	wake_owner(c);
	(void)pthread_mutex_unlock(&c->lock);
}

void log_channel_init(struct log_channel *c, const struct log_stream_owner *owner,
		      int connection)
{
	c->owner = *owner;
	c->connection = connection;
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->room, NULL);
}

void log_channel_done(struct log_channel *c)
{
	(void)pthread_cond_destroy(&c->room);
	(void)pthread_mutex_destroy(&c->lock);
}
