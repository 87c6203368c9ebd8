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

/* Settles PHP for the tenant, reports READY, and runs until the pool leaves: 0
 * if it was idle or told to drain; -1 with the reason if it has to be replaced. */
int pool_run(const struct pool_spec *spec, struct err *err);

#endif
