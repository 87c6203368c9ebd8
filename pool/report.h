/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to the supervisor (schema/pool_spec.h).  They are for display, so
 * a supervisor that is away or slow is no reason to wait or to fail.
 */
#ifndef POOL_REPORT_H
#define POOL_REPORT_H

#include <stdint.h>

#include "schema/pool_spec.h"

struct report_numbers {
	int32_t workers, active;
	uint64_t requests;
};

/* TEXT is cut to what fits; NULL means none. */
void report_send(enum pool_report_kind kind, const struct report_numbers *numbers,
		 const char *text);

/* READY, with POOL_FD_BOARD. */
void report_ready(const char *text);

#endif
