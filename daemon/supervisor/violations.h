/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant's processes were ended for, by call, since the supervisor started. */
#ifndef DAEMON_SUPERVISOR_VIOLATIONS_H
#define DAEMON_SUPERVISOR_VIOLATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/log_wire.h"
#include "schema/wire.h"

struct violation_counts {
	uint64_t total;
	struct {
		char call[CALL_NAME_MAX];
		uint64_t count;
	} row[VIOLATION_CALLS];
};

/* True if M is whole: a name of a system call and a count. */
bool violations_check(const struct log_violation *m);

/* Counts; true if that call's count has reached or passed a power of two, when it is
 * worth a line in the log. */
bool violations_add(struct violation_counts *v, const struct log_violation *m);

/* "ptrace=2 bpf=1", cut where there is no more room. */
void violations_text(const struct violation_counts *v, char out[REASON_MAX]);

#endif
