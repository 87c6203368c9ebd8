/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes that callers ask for, one straight function each: check all that
 * can be checked, ask for a number where one is needed, promise in the database,
 * let the root side do it, note the end.  A refused request makes nothing; one
 * that finds everything as it should be says so and does nothing.
 */
#ifndef DAEMON_CONTROL_CHANGE_H
#define DAEMON_CONTROL_CHANGE_H

#include <stdbool.h>

#include "base/err.h"
#include "daemon/control/body.h"
#include "daemon/control/work.h"

/* Runs the change, writes the audit row, logs, and makes the reply.  The body
 * of *out is the caller's. */
void change_run(struct work *w, const struct change *c, struct answer *out);

/* True if the change concerns its site alone, so that others may go on beside it. */
bool change_is_of_one_site(const struct change *c);

#endif
