/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every change is made of: calls to the root side and the transactions
 * around them.  Used by the changes that callers ask for (change.c) and by the
 * reconciler, which carries on what was left half done.
 *
 * A row that is put before the root side is asked is a promise: whatever kills
 * this program, the reconciler finds the row and finishes or undoes it.
 */
#ifndef DAEMON_CONTROL_WORK_H
#define DAEMON_CONTROL_WORK_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "daemon/control/link.h"
#include "schema/settings.h"
#include "tenants/store/store.h"

struct work {
	const struct settings *settings;
	struct store *store;		/* the connection that writes */
	struct link link;
	/* Held over all that is done here, but for the time that the root side takes: then
	 * changes of other sites go on.  NULL where nobody else is at work. */
	pthread_mutex_t *turn;
	bool is_left;			/* something waits for the reconciler */
	bool is_due;			/* and should not wait long */
	json_t *steps;			/* of the change that runs, or NULL */
	uint32_t wrong;			/* steps that erred */
	bool is_untried;		/* nothing is tried: see work_try() */
};

/* Connects if need be.  A new connection leaves work to the reconciler, unless others are at
 * work beside: then it is the changer's own link that tells of a new supervisor. */
int work_connect(struct work *w, struct err *err);

/* A number for the site.  *out_stands becomes true if the root side already has
 * a built tenant of that number: then nothing may be taken away on an error. */
int work_issue(struct work *w, const struct tenant *t, uint32_t *out_number, bool *out_stands,
	       struct err *err);

/* Gives an issued number back. */
int work_give_back(struct work *w, uint32_t number, const struct tenant *t, struct err *err);

/* Puts a tenant in one transaction.  With KEEP its former rows are kept until
 * work_settle() has the root side's word; with a number in REPLACES that row
 * goes in the same transaction. */
int work_put(struct work *w, const struct tenant *t, bool keep, uint32_t replaces,
	     struct err *err);

/* Carries a row that is building to the end.  If the root side refuses, or PHP does not
 * take the options of a new site, nothing is left; if it errs, the row says failed.  Either
 * way that error is *err.  On success *t is what the row says now. */
int work_build(struct work *w, struct tenant *t, struct err *err);

/* Has PHP try in the tenant's cage what T says, and changes nothing.  Where memory has no
 * room for that it is not known, and no error.  ERR_UNFIT with PHP's words. */
int work_try(struct work *w, const struct tenant *t, struct err *err);

/* Tells the root side what the row says.  If it errs, the rows of before the
 * change come back, and if those cannot be had either, the row says failed. */
int work_settle(struct work *w, struct tenant *t, struct err *err);

/* Has all parts of the tenant compared with the row; w->steps tells.  *out_wrong
 * becomes how many differ. */
int work_check(struct work *w, const struct tenant *t, uint32_t *out_wrong, struct err *err);

/* Carries a row that is removing to the end. */
int work_remove(struct work *w, struct tenant *t, struct err *err);

#endif
