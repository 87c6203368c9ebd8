/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for the tenant's PHP log. */
#include "pool/errlog.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/clock.h"
#include "schema/pool_spec.h"

/* A hundred looks of tenant-log: others may outrun a worker to the room of some of them. */
#define WAIT_MS 1000

static unsigned long dropped;

static bool put_line(const char *stamp, const char *mark, const char *text, size_t size)
{
	struct pollfd wait = { .fd = POOL_FD_LOG, .events = POLLOUT };
	char line[ERRLOG_LINE];
	int n = snprintf(line, sizeof(line), "%s%s%.*s\n", stamp, mark, (int)size, text);

	if (write(POOL_FD_LOG, line, (size_t)n) == n)
		return true;
	/* A burst may outrun the reader for a moment, and other workers take what room there is;
	 * a reader that does not read at all costs this wait once. */
	int64_t end = (int64_t)clock_ms() + WAIT_MS;

	for (int64_t left = WAIT_MS; dropped == 0 && left > 0; left = end - (int64_t)clock_ms()) {
		int rc = poll(&wait, 1, (int)left);

		if (rc > 0 && write(POOL_FD_LOG, line, (size_t)n) == n)
			return true;
		if (rc == 0 || (rc < 0 && errno != EINTR))
			break;
	}
	return false;
}

static size_t make_stamp(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };

	return strftime(out, size, "[%d-%b-%Y %H:%M:%S UTC] ", gmtime_r(&now, &tm));
}

void errlog_write(const char *message)
{
	char stamp[48];
	char note[64];
	size_t left = strlen(message);
	size_t room = ERRLOG_LINE - make_stamp(stamp, sizeof(stamp)) - sizeof("... \n");
	const char *mark = "";

	if (dropped > 0) {
		(void)snprintf(note, sizeof(note), "%lu messages were dropped: the log is behind",
			       dropped);
		if (put_line(stamp, "", note, strlen(note)))
			dropped = 0;
	}
	do {
		size_t part = left < room ? left : room;

		if (!put_line(stamp, mark, message, part)) {
			dropped++;
			return;
		}
		message += part;
		left -= part;
		mark = "... ";
	} while (left > 0);
}

void errlog_print(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	errlog_write(text);
}
