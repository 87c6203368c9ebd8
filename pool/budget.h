/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound on how often something may happen: so many at once, and then one per
 * interval.  A pool whose workers die again and again must not spin.
 */
#ifndef POOL_BUDGET_H
#define POOL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
	int32_t most, left;	/* left is negative where more has happened than may */
	uint64_t interval_ms;	/* in which one comes back */
	uint64_t counted_ms;
};

void budget_init(struct budget *b, int32_t most, uint64_t interval_ms, uint64_t now);

/* Uses one, whether or not one is left: what happened has happened. */
void budget_spend(struct budget *b, uint64_t now);

/* 0 if there is one left, else the milliseconds until there is. */
uint64_t budget_wait(struct budget *b, uint64_t now);

#endif
