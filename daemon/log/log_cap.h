/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one tenant may write into its log: at a rate, with bursts, and up
 * to a size of the file.  Pure.
 */
#ifndef DAEMON_LOG_LOG_CAP_H
#define DAEMON_LOG_LOG_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RATE (256 * 1024)		/* bytes per second */
#define LOG_BURST (2 * 1024 * 1024)
#define LOG_SIZE_MAX (64 * 1024 * 1024)

struct log_cap {
	int64_t room;		/* bytes that may be written now */
	int64_t filled_ms;	/* when that was true */
	uint64_t dropped;	/* bytes since the last note */
	bool is_full;		/* the file has its size, and says so */
};

void log_cap_init(struct log_cap *c, int64_t now_ms);

/* How many of SIZE bytes may be written now; they are taken from the room, the
 * rest is counted as dropped. */
size_t log_cap_take(struct log_cap *c, int64_t now_ms, size_t size);

/* True once there is room again after a drop: then a note belongs into the
 * log.  *dropped becomes the count, which starts again at 0. */
bool log_cap_note(struct log_cap *c, int64_t now_ms, uint64_t *dropped);

/* What to do with a file of FILE_SIZE bytes. */
enum log_cap_file { LOG_FILE_WRITE, LOG_FILE_SAY_FULL, LOG_FILE_SILENT };
enum log_cap_file log_cap_file(struct log_cap *c, int64_t file_size);

#endif
