/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of the streams, and the files that they read. */
#include "daemon/control/log_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "daemon/control/link.h"
#include "daemon/control/log_channel.h"
#include "daemon/control/log_lines.h"
#include "schema/errors.h"

#define CHUNK (64 * 1024)
#define LOOK_BACK (64 * 1024 * 1024)	/* how far the last lines are searched */
#define TICK_MS 200
#define FRESH_MS 1000			/* between two looks for a rotated file */
#define OLD_MS 10000			/* its writers turn to the new one meanwhile */
#define WAIT_MS 5000

struct log_stream {
	struct log_request request;
	struct link link;
	const char *run_dir;
	int connection;

	/* the thread's own */
	struct log_file now, old;
	int64_t fresh_at, old_until;
	off_t *ring;			/* where the last lines begin */
	uint64_t found;
	char chunk[CHUNK];

	struct log_channel channel;	/* to the owner */
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;	/* before a stream's own */
static struct log_stream *all[LOG_STREAMS_MAX];
static bool is_stopping;

/* ---- lines ---- */

static bool is_over(void *owner)
{
	struct log_stream *s = owner;

	return log_channel_is_over(&s->channel);
}

static bool takes(const struct log_stream *s, const struct log_file *f)
{
	return log_filter_takes(s->request.kind, s->request.site, f->line, f->used);
}

static void note_place(void *owner, const struct log_file *f)
{
	struct log_stream *s = owner;

	if (takes(s, f))
		s->ring[s->found++ % s->request.lines] = f->line_at;
}

static void send_line(void *owner, const struct log_file *f)
{
	struct log_stream *s = owner;

	if (!takes(s, f))
		return;
	log_channel_put(&s->channel, f->line, f->used);
	log_channel_put(&s->channel, "\n", 1);
}

static void read_lines(struct log_stream *s, struct log_file *f, off_t until,
		       void (*take)(void *owner, const struct log_file *f))
{
	struct log_reader reader = { take, is_over, s };

	log_lines_read(f, until, s->chunk, sizeof(s->chunk), &reader);
}

/* The last lines of the site that are there: found in one run, sent in another. */
static void send_last(struct log_stream *s)
{
	struct log_file *f = &s->now;
	struct stat st;
	uint32_t lines = s->request.lines;

	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return;
	log_lines_go_into(f, st.st_size);
	if (lines == 0 || !(s->ring = calloc(lines, sizeof(*s->ring))))
		return;
	log_lines_go_into(f, st.st_size > LOOK_BACK ? st.st_size - LOOK_BACK : 0);
	read_lines(s, f, st.st_size, note_place);
	if (s->found > 0) {
		uint64_t first = s->found > lines ? s->found % lines : 0;

		log_lines_go_to(f, s->ring[first]);
		read_lines(s, f, st.st_size, send_line);
	}
}

/* ---- files ---- */

static int open_log(struct log_stream *s, struct err *err)
{
	struct wire_log want = { .which = log_kind_file(s->request.kind) };
	int fd = -1;
	size_t count = 1;

	if (!link_is_open(&s->link) && link_open(&s->link, s->run_dir, err) < 0)
		return -1;
	if (link_call_fds(&s->link, WIRE_LOG, s->request.number, &want, sizeof(want), &fd, &count,
			  err) < 0)
		return -1;
	return count > 0 ? fd : -1;
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Turns to the file that has the name now.  While tenantd is away, or there is
 * none, the old one goes on. */
static void look_for_new(struct log_stream *s)
{
	struct err err = { 0 };
	int fd = open_log(s, &err);

	s->fresh_at = loop_now_ms() + FRESH_MS;
	if (fd < 0)
		return;
	if (is_same(fd, s->now.fd)) {
		fd_close(&fd);
		return;
	}
	if (s->now.fd >= 0) {
		read_lines(s, &s->old, -1, send_line);
		fd_close(&s->old.fd);
		s->old = s->now;
		s->old_until = loop_now_ms() + OLD_MS;
	}
	s->now.fd = fd;
	log_lines_go_to(&s->now, 0);
}

static void follow(struct log_stream *s)
{
	struct stat st;

	while (!is_over(s) && !log_channel_is_left(&s->channel, TICK_MS)) {
		if (loop_now_ms() >= s->fresh_at)
			look_for_new(s);
		if (s->now.fd >= 0 && fstat(s->now.fd, &st) == 0 && st.st_size < s->now.offset)
			log_lines_go_to(&s->now, 0);	/* somebody cut it */
		read_lines(s, &s->old, -1, send_line);
		if (s->old.fd >= 0 && loop_now_ms() >= s->old_until)
			fd_close(&s->old.fd);
		read_lines(s, &s->now, -1, send_line);
	}
}

static void free_stream(struct log_stream *s)
{
	link_close(&s->link);
	fd_close(&s->connection);
	fd_close(&s->now.fd);
	fd_close(&s->old.fd);
	free(s->ring);
	log_channel_done(&s->channel);
	free(s);
}

/* The last of the two who know the stream frees it. */
static void *run(void *arg)
{
	struct log_stream *s = arg;
	struct err err = { 0 };

	s->now.fd = open_log(s, &err);
	s->fresh_at = loop_now_ms() + FRESH_MS;
	send_last(s);
	if (s->request.is_followed)
		follow(s);
	else
		log_lines_rest(&s->now, &(struct log_reader){ send_line, is_over, s });
	(void)pthread_mutex_lock(&all_lock);
	for (int i = 0; i < LOG_STREAMS_MAX; i++)
		if (all[i] == s)
			all[i] = NULL;
	(void)pthread_mutex_unlock(&all_lock);
	if (log_channel_leave(&s->channel))
		free_stream(s);
	return NULL;
}

ssize_t log_stream_take(struct log_stream *s, char *out, size_t size)
{
	return log_channel_take(&s->channel, out, size);
}

void log_stream_close(struct log_stream *s)
{
	if (log_channel_close(&s->channel))
		free_stream(s);
}

static int start_thread(struct log_stream *s, struct err *err)
{
	pthread_t thread;
	pthread_attr_t detached;

	(void)pthread_attr_init(&detached);	/* these cannot fail */
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &detached, run, s);
	(void)pthread_attr_destroy(&detached);
	return errno == 0 ? 0 : err_sys(err, "thread of a log");
}

/* A place among all, or ERR_BUSY. */
static int enter(struct log_stream *s, struct err *err)
{
	int empty = -1, own = 0, rc = -1;

	(void)pthread_mutex_lock(&all_lock);
	for (int i = 0; i < LOG_STREAMS_MAX; i++) {
		own += all[i] && all[i]->request.uid == s->request.uid;
		if (!all[i])
			empty = i;
	}
	if (empty >= 0 && own < LOG_STREAMS_OF_ONE && !is_stopping) {
		all[empty] = s;
		rc = start_thread(s, err);
		if (rc < 0)
			all[empty] = NULL;
	} else {
		(void)err_set(err, ERR_BUSY, "%d logs are read already, or %d by this user; end "
			      "one of them, or try later", LOG_STREAMS_MAX, LOG_STREAMS_OF_ONE);
	}
	(void)pthread_mutex_unlock(&all_lock);
	return rc;
}

int log_stream_start(const char *run_dir, const struct log_request *request, int connection,
		     const struct log_stream_owner *owner, struct log_stream **out,
		     struct err *err)
{
	struct log_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(err, "memory for a log");
	s->request = *request;
	s->run_dir = run_dir;
	s->now.fd = s->old.fd = -1;
	link_init(&s->link, WAIT_MS, WAIT_MS);
	/* A copy: the HTTP thread may close its own at any time. */
	s->connection = fcntl(connection, F_DUPFD_CLOEXEC, 0);
	log_channel_init(&s->channel, owner, s->connection);
	int rc = s->connection < 0 ? err_sys(err, "watch the caller") : enter(s, err);

	if (rc < 0) {
		free_stream(s);
		return -1;
	}
	*out = s;
	return 0;
}

void log_streams_stop(void)
{
	(void)pthread_mutex_lock(&all_lock);
	is_stopping = true;
	for (int i = 0; i < LOG_STREAMS_MAX; i++)
		if (all[i])
			log_channel_end(&all[i]->channel);
	(void)pthread_mutex_unlock(&all_lock);
}
