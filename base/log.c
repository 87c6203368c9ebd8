/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of log lines. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void log_line(const char *event, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;
	int n = snprintf(line, sizeof(line) - 1, "event=%s ", event);

	if (n < 0 || (size_t)n >= sizeof(line) - 1)
		return;
	va_start(ap, fmt);
	int m = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	size_t size = (size_t)n + (size_t)m;

	if (size > sizeof(line) - 2)
		size = sizeof(line) - 2;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e)
			line[i] = '?';
	line[size] = '\n';
	/* A log that cannot be written must not stop the program. */
	ssize_t ignored = write(STDERR_FILENO, line, size + 1);

	(void)ignored;
}
