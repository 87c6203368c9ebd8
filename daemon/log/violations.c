/* SPDX-License-Identifier: Apache-2.0 */
/* A small table, searched from its begin: seldom is there more than one row. */
#include "daemon/log/violations.h"

#include <string.h>

#include "base/str.h"

void violations_note(struct violations *v, uint32_t uid, const char *call)
{
	uint32_t own = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		struct log_violation *row = &v->row[i];

		if (row->uid != uid)
			continue;
		/* The last row of one that has many is for the rest of his. */
		if (++own == VIOLATION_CALLS || strcmp(row->call, call) == 0) {
			row->count += row->count < UINT32_MAX;
			return;
		}
	}
	if (v->count == VIOLATION_ROWS)
		return;
	if (own == VIOLATION_CALLS - 1)
		call = VIOLATION_OTHERS;
	struct log_violation *row = &v->row[v->count++];

	*row = (struct log_violation){ .uid = uid, .count = 1 };
	(void)str_copy(row->call, sizeof(row->call), call);
}
