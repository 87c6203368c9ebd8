/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds of the monotonic clock: every time inside a pool is one of these. */
#ifndef POOL_CLOCK_H
#define POOL_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);

/* What has passed; 0 if THEN was read a moment after NOW. */
static inline uint64_t clock_passed(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

#endif
