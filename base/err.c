/* SPDX-License-Identifier: Apache-2.0 */
/* Filling and wrapping of struct err.  A text that is too long is cut. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	if (!err)
		return -1;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);	/* cut, not lost */
	va_end(ap);
	err->code = code;
	err->sys = 0;
	return -1;
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;

	if (!err)
		return -1;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
			       strerror(saved));
	err->code = ERR_SYSTEM;
	err->sys = saved;
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -1;
	char inner[ERR_TEXT_MAX];
	va_list ap;

	memcpy(inner, err->text, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(ap, fmt);
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", inner);
	return -1;
}
