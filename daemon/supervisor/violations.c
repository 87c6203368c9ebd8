/* SPDX-License-Identifier: Apache-2.0 */
/* Counting by call, in a table of fixed size. */
#include "daemon/supervisor/violations.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool violations_check(const struct log_violation *m)
{
	return m->count > 0 && m->call[0] != '\0' && str_is_terminated(m->call, sizeof(m->call)) &&
	       strspn(m->call, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(m->call);
}

/* The row of a call, a new one, or the last, which is for all others. */
static size_t row_of(struct violation_counts *v, const char *call)
{
	size_t i = 0;

	while (i < VIOLATION_CALLS - 1 && v->row[i].count > 0 && strcmp(v->row[i].call, call) != 0)
		i++;
	if (v->row[i].count == 0)
		(void)str_copy(v->row[i].call, sizeof(v->row[i].call),
			       i == VIOLATION_CALLS - 1 ? VIOLATION_OTHERS : call);
	return i;
}

bool violations_add(struct violation_counts *v, const struct log_violation *m)
{
	size_t i = row_of(v, m->call);
	uint64_t before = v->row[i].count;

	v->row[i].count += m->count;
	v->total += m->count;
	/* The highest bits differ. */
	return (before ^ v->row[i].count) > before;
}

void violations_text(const struct violation_counts *v, char out[REASON_MAX])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < VIOLATION_CALLS && v->row[i].count > 0; i++) {
		int n = snprintf(out + at, REASON_MAX - at, "%s%s=%llu", at ? " " : "",
				 v->row[i].call, (unsigned long long)v->row[i].count);

		if (n < 0 || (size_t)n >= REASON_MAX - at) {
			out[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}
