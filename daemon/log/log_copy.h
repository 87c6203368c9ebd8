/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying from one tenant's pipe to its file.  What is read at a time is bounded
 * here, how often is the caller's: a tenant that writes without end, in however short lines, costs
 * a bounded share of this process, and waits in its pipe.
 */
#ifndef DAEMON_LOG_LOG_COPY_H
#define DAEMON_LOG_LOG_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/log/log_cap.h"

struct log_copy {
	uint32_t number;
	int pipe, file;		/* owned */
	struct log_cap cap;
	bool at_line_start;	/* the file's last byte is a newline, or it is empty */
};

void log_copy_init(struct log_copy *c, uint32_t number, int pipe, int file, int64_t now_ms);
void log_copy_done(struct log_copy *c);

/* Copies at most LIMIT bytes.  The count read; 0 if nothing is there. */
size_t log_copy_some(struct log_copy *c, size_t limit, int64_t now_ms);

/* Writes the note about dropped bytes when its time has come.  True while one
 * is due later. */
bool log_copy_note(struct log_copy *c, int64_t now_ms);

#endif
