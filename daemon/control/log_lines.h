/* SPDX-License-Identifier: Apache-2.0 */
/* A growing log, read line by line from any place in it. */
#ifndef DAEMON_CONTROL_LOG_LINES_H
#define DAEMON_CONTROL_LOG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LOG_LINE_LONGEST (16 * 1024)	/* the rest of a longer one is left out */

/* One open log and the line that is being read. */
struct log_file {
	int fd;				/* -1: there is none */
	off_t offset;
	off_t line_at;			/* where the line begins */
	size_t used;
	bool is_headless;		/* its beginning was not read: it is nobody's */
	char line[LOG_LINE_LONGEST];
};

/* Who reads: TAKE is called with each line that is whole, its text in f->line; IS_OVER
 * ends the reading between two chunks. */
struct log_reader {
	void (*take)(void *owner, const struct log_file *f);
	bool (*is_over)(void *owner);
	void *owner;
};

/* Reads what there is now, up to UNTIL (-1: the end).  CHUNK is room to read into. */
void log_lines_read(struct log_file *f, off_t until, char *chunk, size_t size,
		    const struct log_reader *reader);

/* Hands over what is there of the last line, which has no end yet. */
void log_lines_rest(struct log_file *f, const struct log_reader *reader);

/* The next line begins at OFFSET; or may begin before it, and then its rest is nobody's. */
void log_lines_go_to(struct log_file *f, off_t offset);
void log_lines_go_into(struct log_file *f, off_t offset);

#endif
