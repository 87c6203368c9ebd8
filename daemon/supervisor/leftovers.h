/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of a tenant that no generation lives in: what a generation leaves when
 * it ends, and what nothing explains after a restart.
 */
#ifndef DAEMON_SUPERVISOR_LEFTOVERS_H
#define DAEMON_SUPERVISOR_LEFTOVERS_H

#include <stdbool.h>

struct pool;

/* Kills what is in them and removes them.  True if none is left. */
bool leftovers_clear(struct pool *p);

#endif
