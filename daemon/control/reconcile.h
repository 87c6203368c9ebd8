/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the root side to what the database says: after a start, after a new
 * connection, and when a change was left half done.  A pass compares rows,
 * specs and ledger once, then works off one tenant per step, so that callers
 * need not wait for a whole pass.
 */
#ifndef DAEMON_CONTROL_RECONCILE_H
#define DAEMON_CONTROL_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/control/work.h"

/* A tenant that stands and is in no row: never taken away by us. */
struct stranger {
	uint32_t number;
	char site[SITE_MAX];
};

struct reconcile_item {
	uint32_t number;
	bool is_give_back;	/* issued without a row */
	char site[SITE_MAX];	/* of a give back */
};

struct reconcile {
	struct reconcile_item *items;
	uint32_t count, next;
	struct stranger *strangers;
	uint32_t stranger_count;
};

/* Compares and plans.  Drops copies of removed tenants whose homes are gone. */
int reconcile_plan(struct reconcile *r, struct work *w, struct err *err);

/* Works off the next item.  1: there may be more, 0: the pass is over, -1: it is
 * broken off, and *err is why.  A tenant's own error goes to its row and to
 * the log. */
int reconcile_step(struct reconcile *r, struct work *w, struct err *err);

void reconcile_free(struct reconcile *r);

#endif
