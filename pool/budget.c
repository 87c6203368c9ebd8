/* SPDX-License-Identifier: Apache-2.0 */
/* Counting against the clock. */
#include "pool/budget.h"

#include "pool/clock.h"

void budget_init(struct budget *b, int32_t most, uint64_t interval_ms, uint64_t now)
{
	*b = (struct budget){ .most = most, .left = most, .interval_ms = interval_ms,
			      .counted_ms = now };
}

static void refill(struct budget *b, uint64_t now)
{
	uint64_t back = clock_passed(now, b->counted_ms) / b->interval_ms;

	if (back >= (uint64_t)((int64_t)b->most - b->left)) {
		b->left = b->most;
		b->counted_ms = now;
	} else {
		b->left += (int32_t)back;
		b->counted_ms += back * b->interval_ms;
	}
}

void budget_spend(struct budget *b, uint64_t now)
{
	refill(b, now);
	if (b->left > -b->most)
		b->left--;
}

uint64_t budget_wait(struct budget *b, uint64_t now)
{
	refill(b, now);
	if (b->left > 0)
		return 0;
	return clock_passed(b->counted_ms + (uint64_t)(1 - b->left) * b->interval_ms, now);
}
