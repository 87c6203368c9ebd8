/* SPDX-License-Identifier: Apache-2.0 */
/* Doubling waits. */
#include "daemon/supervisor/backoff.h"

#include "base/mutant.h"

int64_t backoff_next(struct backoff *b, int64_t ran_ms)
{
	if (mutant_is_off("backoff"))
		return 1;
	if (ran_ms > BACKOFF_MAX_MS)
		b->delay_ms = 0;
	b->delay_ms = b->delay_ms == 0 ? BACKOFF_FIRST_MS : b->delay_ms * 2;
	if (b->delay_ms > BACKOFF_MAX_MS)
		b->delay_ms = BACKOFF_MAX_MS;
	return b->delay_ms;
}

void backoff_reset(struct backoff *b)
{
	b->delay_ms = 0;
}
