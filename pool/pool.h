/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool, from a started PHP to its end: the master's loop.  The caller is a
 * single-threaded process that is already the tenant, in its jail, with the
 * descriptors of schema/pool_spec.h; runtime_start() is done.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/err.h"
#include "schema/pool_spec.h"

/* First acts of a pool process: not dumpable (so that nobody of the same uid
 * can look into it), no descriptor but the contract's, an environment with
 * nothing inherited. */
int pool_secure(struct err *err);

/* Reads and checks POOL_FD_SPEC. */
int pool_read_spec(struct pool_spec *out, struct err *err);

struct runtime_pool;
struct scoreboard;

/* Makes PHP the tenant's.  SPEC and BOARD are borrowed by *out. */
int pool_settle(const struct pool_spec *spec, const struct scoreboard *board,
		struct runtime_pool *out, struct err *err);

/* Settles PHP for the tenant, reports READY, and runs until the pool leaves: 0
 * if it was idle or told to drain; -1 with the reason if it has to be replaced. */
int pool_run(const struct pool_spec *spec, struct err *err);

/* Before PHP starts, where the spec has the trial's mark. */
int pool_begin_trial(struct err *err);

/* In place of pool_run(), where the spec has the trial's mark: settles PHP, reports READY
 * and is done.  A value that PHP refuses, which a pool only logs, is an error here. */
int pool_try(const struct pool_spec *spec, struct err *err);

#endif
