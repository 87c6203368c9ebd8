/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a tenant and what may happen in each.  Pure: one table, no
 * effects.  The states are those of schema/states.def; 0 is "no such row".
 */
#ifndef TENANTS_LIFE_H
#define TENANTS_LIFE_H

#include "base/err.h"
#include "schema/states.h"

#define TENANT_NONE 0

enum life_event {
	/* what a caller asks for */
	LIFE_ADD, LIFE_RESTORE, LIFE_SET, LIFE_SUSPEND, LIFE_RESUME, LIFE_REMOVE,
	/* what the root side answered */
	LIFE_APPLIED,		/* it stands and answers */
	LIFE_HALTED,		/* it stands, suspended */
	LIFE_ERRED,		/* a step failed */
	LIFE_GONE,		/* nothing of it is left */
	LIFE_EVENTS
};

/* Finds the state that follows.  ERR_CONFLICT says why this state does not
 * allow it and what would; ERR_UNKNOWN_SITE if there is no such tenant. */
int life_step(int state, enum life_event event, const char *site, int *out_state,
	      struct err *err);

/* The word of an event, for the table in tests/golden. */
const char *life_event_word(enum life_event event);

#endif
