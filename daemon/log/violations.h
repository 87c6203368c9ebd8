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

struct violations {
	uint32_t count;
	struct log_violation row[VIOLATION_ROWS];
};

void violations_note(struct violations *v, uint32_t uid, const char *call);

#endif
