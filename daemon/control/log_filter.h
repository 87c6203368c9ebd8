/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of a log are a site's.  nginx writes one log for all sites; parts
 * of each line are visitors' text, so a line counts only where nginx itself has
 * put the name.  Pure.
 */
#ifndef DAEMON_CONTROL_LOG_FILTER_H
#define DAEMON_CONTROL_LOG_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_kind {
	LOG_KIND_ACCESS,	/* requests */
	LOG_KIND_ERROR,		/* nginx's complaints */
	LOG_KIND_PHP,		/* what the pool says */
	LOG_KIND_SLOW,		/* where slow requests were */
	LOG_KIND_MAIL,		/* what became of messages */
	LOG_KINDS
};

/* By the words access, error, php, slow, mail; -1 for any other. */
int log_kind_by_word(const char *word);

/* The file a kind is in: enum wire_log_which. */
uint32_t log_kind_file(enum log_kind kind);

/* True if the line, without its end, is the site's.  SITE is an A-label. */
bool log_filter_takes(enum log_kind kind, const char *site, const char *line, size_t size);

#endif
