/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on stderr, for the journal: `event=NAME key=value ...`.
 * Only programs log; libraries return errors.  Event names are rows of
 * schema/events.def.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* FMT gives `key=value` pairs.  The line is cut at LOG_LINE_MAX; control
 * characters and bytes outside ASCII become `?`, so that no outside text can
 * begin a line of its own or steer a terminal. */
#define LOG_LINE_MAX 1024
void log_line(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
