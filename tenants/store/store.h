/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of what should be (SQLite, WAL).  One struct store is one
 * connection and belongs to one thread; one connection writes, any number read.
 * Functions that write want to stand between store_begin() and store_commit()
 * where more than one of them belongs together.
 */
#ifndef TENANTS_STORE_STORE_H
#define TENANTS_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tenants/plan.h"
#include "tenants/tenant.h"

struct store;

/* Opens for reading and writing and migrates; the file appears with mode 0600.
 * A file that cannot be written still opens, so that reads work; changes then
 * fail with ERR_DISK. */
int store_open(const char *path, struct store **out, struct err *err);

/* Opens an existing, migrated database for reading. */
int store_open_reader(const char *path, struct store **out, struct err *err);

void store_close(struct store *s);

/* One transaction.  Rollback of none is harmless. */
int store_begin(struct store *s, struct err *err);
int store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s);

/* By name or by number.  ERR_UNKNOWN_SITE. */
int store_find(struct store *s, const char *site, struct tenant *out, struct err *err);
int store_find_number(struct store *s, uint32_t number, struct tenant *out, struct err *err);

/* *out becomes the site that holds the host as name or alias; empty: nobody. */
int store_holder(struct store *s, const char *host, char out[SITE_MAX], struct err *err);

/* A whole tenant, with aliases and options.  store_put() replaces the row of
 * that number and stamps changed_at; created_at is stamped when it is 0. */
int store_put(struct store *s, const struct tenant *t, struct err *err);
int store_delete(struct store *s, uint32_t number, struct err *err);

/* Raises the revision, so that the reconciler tells the root side.  The change is pending until
 * the next store_put(). */
int store_raise(struct store *s, uint32_t number, struct err *err);

/* One row of all, without aliases and options, in the order of the sites. */
struct store_row {
	uint32_t number;
	int state;
	bool is_suspended, is_undone;
	bool is_pending;		/* a change is not confirmed yet */
	uint64_t revision;
	char site[SITE_MAX];
	char plan[PLAN_NAME_MAX];
	char reason[ERR_TEXT_MAX];	/* failure or reason, whichever the state asks for */
};

/* Calls EACH for all rows; a return below 0 ends the walk with it. */
int store_each(struct store *s, int (*each)(const struct store_row *row, void *ctx), void *ctx,
	       struct err *err);

/* Calls EACH for each plan and each own value of this option that sites of it have, ""
 * where they have none; with the number of those sites. */
int store_each_value(struct store *s, const char *option,
		     int (*each)(const char *plan, const char *value, uint64_t sites, void *ctx),
		     void *ctx, struct err *err);

/* Number of tenants in each state; index 0 is the sum. */
int store_count(struct store *s, uint64_t out[TENANT_STATES], struct err *err);

/* ---- plans ---- */

/* The options that a plan and its ancestors set.  ERR_UNKNOWN_PLAN names those
 * there are. */
int store_plan(struct store *s, const char *name, struct overrides *out, struct err *err);

/* The plan itself. */
int store_find_plan(struct store *s, const char *name, struct plan *out, struct err *err);
int store_put_plan(struct store *s, const struct plan *p, struct err *err);
int store_delete_plan(struct store *s, const char *name, struct err *err);

/* Whether the plan, which need not be there yet, may inherit from PARENT, which
 * is there.  ERR_CONFLICT for a circle and for a line that is too long. */
int store_plan_fits(struct store *s, const char *name, const char *parent, struct err *err);

struct store_plan_row {
	char name[PLAN_NAME_MAX];
	char parent[PLAN_NAME_MAX];
	char sentence[PLAN_SENTENCE_MAX];
	uint64_t tenants;
};
int store_each_plan(struct store *s, int (*each)(const struct store_plan_row *row, void *ctx),
		    void *ctx, struct err *err);

/* The plan and all that inherit from it. */
int store_each_heir(struct store *s, const char *name, int (*each)(const char *name, void *ctx),
		    void *ctx, struct err *err);

/* Who needs the plan. */
struct store_plan_uses {
	uint64_t tenants;	/* also those that a change may bring back to it */
	uint64_t plans;		/* that inherit from it */
	char site[SITE_MAX];	/* one of the tenants, or empty */
};
int store_plan_uses(struct store *s, const char *name, struct store_plan_uses *out,
		    struct err *err);

/* ---- tenants as they were ---- */

enum kept_kind {
	KEPT_BEFORE = 1,	/* before a change that is not confirmed */
	KEPT_REMOVED = 2,	/* removed, for restore */
};

/* Copies the rows of a tenant aside, replacing an older copy. */
int store_keep(struct store *s, uint32_t number, enum kept_kind kind, struct err *err);

/* Fills all of *out that was kept; revision and such are 0.  1: found, 0: there
 * is none, -1: error. */
int store_kept(struct store *s, uint32_t number, enum kept_kind kind, struct tenant *out,
	       struct err *err);
int store_drop_kept(struct store *s, uint32_t number, enum kept_kind kind, struct err *err);

struct store_removed_row {
	uint32_t number;
	int64_t removed_at;
	char site[SITE_MAX];
	char plan[PLAN_NAME_MAX];
};
int store_each_removed(struct store *s,
		       int (*each)(const struct store_removed_row *row, void *ctx), void *ctx,
		       struct err *err);

/* ---- audit ---- */

/* Notes that a caller asked; *out_id is for the result. */
int store_audit(struct store *s, uint32_t uid, const char *verb, const char *site,
		int64_t *out_id, struct err *err);
int store_audit_result(struct store *s, int64_t id, const char *result, const char *detail,
		       struct err *err);

/* Forgets what is older than AUDIT_DAYS, and what is beyond ROWS.  What changed something and
 * what did not have half of them each, so that a flood of the one hides nothing of the other. */
#define AUDIT_DAYS 400
int store_audit_trim(struct store *s, uint64_t rows, struct err *err);

#endif
