/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that scripts see: USER, HOME and what the plan says (PHP-FPM's
 * env[] and clear_env).  The machine's own never comes into a pool. */
#ifndef POOL_ENVIRONMENT_H
#define POOL_ENVIRONMENT_H

#include "base/err.h"
#include "schema/pool_spec.h"

/* Once, in the master, after PHP has started. */
int environment_set(const struct pool_spec *spec, struct err *err);

#endif
