/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded copies, numbers, and a text that grows. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size) {
		dst[0] = '\0';
		return -1;
	}
	memcpy(dst, src, n + 1);
	return 0;
}

int str_format(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		dst[0] = '\0';
		return -1;
	}
	return 0;
}

bool str_is_terminated(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

int str_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		uint64_t digit = (uint64_t)(*s - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	if (value > max)
		return -1;
	*out = value;
	return 0;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->failed)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || t->size + (size_t)n >= (t->limit ? t->limit : TEXT_MAX)) {
		t->failed = true;
		return;
	}
	if (t->size + (size_t)n + 1 > t->room) {
		size_t room = (t->size + (size_t)n + 1) * 2;
		char *data = realloc(t->data, room);

		if (!data) {
			t->failed = true;
			return;
		}
		t->data = data;
		t->room = room;
	}
	va_start(ap, fmt);
	(void)vsnprintf(t->data + t->size, t->room - t->size, fmt, ap);	/* measured above */
	va_end(ap);
	t->size += (size_t)n;
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}
