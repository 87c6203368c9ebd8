/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded strings.  Whatever does not fit fails; nothing is cut silently.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Copies or formats into a fixed array.  0, or -1 if it does not fit; then
 * DST holds an empty string. */
int str_copy(char *dst, size_t size, const char *src);
int str_format(char *dst, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* True if the SIZE bytes at S hold a terminated string.  Ask before using a
 * text that came in a record. */
bool str_is_terminated(const char *s, size_t size);

/* Decimal digits only, at most MAX.  0, or -1. */
int str_number(const char *s, uint64_t max, uint64_t *out);

/* Text that grows, with a limit; for generated files.  Zeroed means empty.
 * An append that fails marks the whole text as failed: check once, at the end. */
struct text {
	char *data;		/* terminated unless NULL */
	size_t size;		/* without the terminator */
	size_t room;
	size_t limit;		/* of the size; 0: TEXT_MAX */
	bool failed;
};

#define TEXT_MAX (1024 * 1024)

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);

#endif
