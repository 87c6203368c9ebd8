/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers' own system call filter, narrower than the jail's: made outside
 * by whoever builds the jail, handed over ready as BPF on POOL_FD_FILTER.
 */
#ifndef POOL_FILTER_H
#define POOL_FILTER_H

#include <stdbool.h>

#include "base/err.h"

/* True if there is a filter to load: outside a jail there may be none. */
bool filter_is_given(void);

/* Loads it into this process for good and closes the descriptor. */
int filter_load(struct err *err);

#endif
