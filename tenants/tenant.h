/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant as the database knows it: what it should be.  Pure data and
 * comparisons; the store keeps it, control changes it.
 */
#ifndef TENANTS_TENANT_H
#define TENANTS_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/options.h"
#include "schema/states.h"
#include "schema/wire.h"

#define PLAN_NAME_MAX 64
#define PLAN_DEFAULT "default"

/* Options that are set, as canonical text; the rest comes from elsewhere. */
struct overrides {
	struct {
		bool is_set;
		char text[OPTION_FORMAT_MAX];
	} of[OPTION_IDS];
};

struct tenant {
	uint32_t number;
	char site[SITE_MAX];
	char plan[PLAN_NAME_MAX];
	int state;			/* enum tenant_state */
	bool is_suspended;		/* what it should be */
	bool is_undone;			/* failed: its number is retired, nothing is left */
	uint32_t reason_class;		/* of the suspension: schema/reasons.def */
	char reason[REASON_MAX];	/* of the suspension, for administrators */
	char failure[ERR_TEXT_MAX];	/* what went wrong last, or empty */
	uint64_t revision;		/* counts changes */
	uint32_t restore_number;	/* building: whose removed home comes back, or 0 */
	int64_t created_at, changed_at;	/* seconds since 1970 */
	uint32_t alias_count;
	char alias[ALIASES_MAX][SITE_MAX];
	struct overrides overrides;
};

/* Sets one option, or one entry of a KEYED one.  ERR_BAD_OPTION for an unknown
 * name or a value out of range. */
int overrides_set(struct overrides *o, const char *name, const char *value, struct err *err);

/* Forgets one option, or one entry of a KEYED one.  ERR_BAD_OPTION for an unknown
 * name. */
int overrides_unset(struct overrides *o, const char *name, struct err *err);

/* Takes what UNSET names out and then what SET says in: whole options, entries
 * of KEYED ones (which a text in UNSET names; without one all of them go).
 * ERR_BAD_OPTION where entries together are too long. */
int overrides_change(struct overrides *o, const struct overrides *set,
		     const struct overrides *unset, struct err *err);

/* Defaults, then the plan, then the tenant's own. */
int overrides_resolve(const struct overrides *plan, const struct overrides *own,
		      struct options *out, struct err *err);

bool overrides_equal(const struct overrides *a, const struct overrides *b);

/* True if both want the same plan, options and aliases, in whatever order. */
bool tenant_wants_same(const struct tenant *a, const struct tenant *b);

/* Appends an alias unless it is there.  ERR_CONFLICT if there is no room. */
int tenant_add_alias(struct tenant *t, const char *host, struct err *err);
/* Takes an alias out if it is there. */
void tenant_drop_alias(struct tenant *t, const char *host);

/* What goes to the root side.  Checked as the receiver will check it. */
int tenant_to_wire(const struct tenant *t, const struct overrides *plan,
		   struct wire_tenant *out, struct err *err);

#endif
