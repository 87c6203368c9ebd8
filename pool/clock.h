/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds of the monotonic clock: every time inside a pool is one of these. */
#ifndef POOL_CLOCK_H
#define POOL_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);

#endif
