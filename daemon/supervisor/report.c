/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of pool reports. */
#include "daemon/supervisor/report.h"

#include <string.h>

#include "base/mutant.h"
#include "schema/errors.h"

int report_gate_pass(struct report_gate *g, int64_t now_ms)
{
	int64_t passed = g->since_ms == 0 ? 0 : now_ms - g->since_ms;

	/* A thousandth of a message per millisecond is one message a second. */
	g->used -= passed * REPORT_PER_S;
	if (g->used < 0)
		g->used = 0;
	g->since_ms = now_ms;
	g->used += 1000;
	return g->used > REPORT_BURST * 1000 && !mutant_is_off("report-gate") ? -1 : 0;
}

static int32_t in_range(int32_t value, uint32_t max)
{
	return value < 0 || (uint32_t)value > max ? -1 : value;
}

int report_check(const void *message, size_t size, uint32_t max_children,
		 struct pool_report *out, struct err *err)
{
	struct pool_report r = { 0 };

	if (size != sizeof(r) && !mutant_is_off("report-check"))
		return err_set(err, ERR_BAD_RECORD, "a report of %zu bytes", size);
	memcpy(&r, message, size < sizeof(r) ? size : sizeof(r));
	if ((r.kind < POOL_REPORT_READY || r.kind > POOL_REPORT_NUMBERS) &&
	    !mutant_is_off("report-check"))
		return err_set(err, ERR_BAD_RECORD, "a report of unknown kind %u", r.kind);
	r.workers = in_range(r.workers, max_children);
	r.active = in_range(r.active, max_children);
	r.text[sizeof(r.text) - 1] = '\0';
	for (char *at = r.text; *at; at++)
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
		else if (*at == '\'')		/* the log's own quotes */
			*at = '"';
	*out = r;
	return 0;
}
