/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pool says of itself, taken as an attacker's bytes: exact size, known
 * kind, numbers in range, text printable, and not too often.  Pure.
 */
#ifndef DAEMON_SUPERVISOR_REPORT_H
#define DAEMON_SUPERVISOR_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/pool_spec.h"

/* Messages that a pool may have sent at once, and per second after that. */
#define REPORT_BURST 32
#define REPORT_PER_S 5

struct report_gate {
	int64_t since_ms;	/* 0: nothing came yet */
	int64_t used;		/* thousandths of messages */
};

/* 0, or -1 if this message is one too many: then stop listening to the pool. */
int report_gate_pass(struct report_gate *g, int64_t now_ms);

/* Checks a message of SIZE bytes and gives a copy with clean text and numbers
 * between 0 and MAX_CHILDREN. */
int report_check(const void *message, size_t size, uint32_t max_children,
		 struct pool_report *out, struct err *err);

#endif
