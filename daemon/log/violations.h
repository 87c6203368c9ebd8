/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls for which processes were ended, summed up between two messages to the
 * supervisor: however many there are, the messages are bounded.
 */
#ifndef DAEMON_LOG_VIOLATIONS_H
#define DAEMON_LOG_VIOLATIONS_H

#include <stdint.h>

#include "schema/log_wire.h"

#define VIOLATION_ROWS 64	/* in one message's time; what is beyond is not told */
/* So that nobody fills the table and hides what others did.  The supervisor tells as
 * many apart. */
#define VIOLATION_ROWS_OF_ONE 8

struct violations {
	uint32_t count;
	struct log_violation row[VIOLATION_ROWS];
};

void violations_note(struct violations *v, uint32_t uid, const char *call);

#endif
