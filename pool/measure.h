/* SPDX-License-Identifier: Apache-2.0 */
/* Serving a request, with what it is and what it took told on the board and in the
 * access log. */
#ifndef POOL_MEASURE_H
#define POOL_MEASURE_H

#include "pool/runtime.h"

/* runtime_serve(), or 503 for one that has waited too long.  SCORE is this worker's
 * line; *out_ran tells which.  False if PHP is no longer fit for another. */
bool measure_serve(const struct runtime_pool *pool, struct score *score,
		   struct runtime_request *r, bool *out_ran);

#endif
