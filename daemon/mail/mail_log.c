/* SPDX-License-Identifier: Apache-2.0 */
/* One line, one write. */
#include "daemon/mail/mail_log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define LINE_LONGEST 1024
_Static_assert(LINE_LONGEST <= PIPE_BUF, "a line is written whole or not at all");

void mail_log_write(int folder, uint32_t number, const char *fmt, ...)
{
	char name[16], line[LINE_LONGEST];
	time_t now = time(NULL);
	struct tm at;
	va_list args;

	(void)str_format(name, sizeof(name), "%u", number);	/* fits */
	CLOSE_AT_EXIT int fd = openat(folder, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !gmtime_r(&now, &at))
		return;
	size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", &at);

	va_start(args, fmt);
	int n = vsnprintf(line + used, sizeof(line) - 1 - used, fmt, args);	/* cut */
	va_end(args);
	if (n < 0)
		return;
	used += (size_t)n < sizeof(line) - 1 - used ? (size_t)n : sizeof(line) - 2 - used;
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e)
			line[i] = '?';
	line[used++] = '\n';
	/* A log that cannot be written must not stop mail. */
	ssize_t ignored = write(fd, line, used);

	(void)ignored;
}
