/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pipes, writing files. */
#include "daemon/log/log_copy.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define CHUNK 65536

void log_copy_init(struct log_copy *c, uint32_t number, int pipe_fd, int file, int64_t now_ms)
{
	*c = (struct log_copy){ .number = number, .pipe = pipe_fd, .file = file,
				.at_line_start = true };
	log_cap_init(&c->cap, now_ms);
}

void log_copy_done(struct log_copy *c)
{
	fd_close(&c->pipe);
	fd_close(&c->file);
}

/* A disk that is full loses the tenant's lines and nothing else. */
static void put(struct log_copy *c, const char *data, size_t size)
{
	if (size > 0 && fd_write_full(c->file, data, size) == 0)
		c->at_line_start = data[size - 1] == '\n';
}

static void say(struct log_copy *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct log_copy *c, const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	if (!c->at_line_start)
		put(c, "\n", 1);
	put(c, line, (size_t)n);
}

/* True if the file may grow.  One line says that it may not. */
static bool may_grow(struct log_copy *c)
{
	struct stat st = { 0 };

	(void)fstat(c->file, &st);	/* an open file can be looked at */
	switch (log_cap_file(&c->cap, st.st_size)) {
	case LOG_FILE_WRITE:
		return true;
	case LOG_FILE_SAY_FULL:
		say(c, "[tenantd] this log has reached %d MiB; nothing more is written until it is "
		    "rotated\n", LOG_SIZE_MAX / (1024 * 1024));
		return false;
	case LOG_FILE_SILENT:
		break;
	}
	return false;
}

size_t log_copy_some(struct log_copy *c, size_t limit, int64_t now_ms)
{
	static char data[CHUNK];
	ssize_t n = read(c->pipe, data, limit < sizeof(data) ? limit : sizeof(data));

	if (n <= 0)
		return 0;
	if (may_grow(c))
		put(c, data, log_cap_take(&c->cap, now_ms, (size_t)n));
	return (size_t)n;
}

bool log_copy_note(struct log_copy *c, int64_t now_ms)
{
	uint64_t dropped = 0;

	if (log_cap_note(&c->cap, now_ms, &dropped) && may_grow(c))
		say(c, "[tenantd] %llu bytes were dropped: more than %d KiB a second\n",
		    (unsigned long long)dropped, LOG_RATE / 1024);
	return c->cap.dropped > 0;
}
