/* SPDX-License-Identifier: Apache-2.0 */
/* The table of moves. */
#include "tenants/life.h"

#include <stdbool.h>

#include "schema/errors.h"

struct move {
	bool is_allowed;
	int next;
};

#define TO(state) { true, TENANT_##state }

static const struct move moves[TENANT_STATES][LIFE_EVENTS] = {
	[TENANT_NONE] = {
		[LIFE_ADD] = TO(BUILDING),
		[LIFE_RESTORE] = TO(BUILDING),
	},
	[TENANT_BUILDING] = {
		[LIFE_ADD] = TO(BUILDING),	/* the same add again goes on */
		[LIFE_REMOVE] = TO(REMOVING),
		[LIFE_APPLIED] = TO(LIVE),
		[LIFE_HALTED] = TO(SUSPENDED),
		[LIFE_ERRED] = TO(FAILED),
		[LIFE_GONE] = TO(NONE),		/* a refused add leaves no row */
	},
	[TENANT_LIVE] = {
		[LIFE_SET] = TO(LIVE),
		[LIFE_SUSPEND] = TO(SUSPENDED),
		[LIFE_RESUME] = TO(LIVE),
		[LIFE_REMOVE] = TO(REMOVING),
		[LIFE_APPLIED] = TO(LIVE),
		[LIFE_ERRED] = TO(FAILED),
	},
	[TENANT_SUSPENDED] = {
		[LIFE_SET] = TO(SUSPENDED),
		[LIFE_SUSPEND] = TO(SUSPENDED),	/* with another reason */
		[LIFE_RESUME] = TO(LIVE),
		[LIFE_REMOVE] = TO(REMOVING),
		[LIFE_HALTED] = TO(SUSPENDED),
		[LIFE_ERRED] = TO(FAILED),
	},
	[TENANT_FAILED] = {
		[LIFE_ADD] = TO(BUILDING),
		[LIFE_SET] = TO(FAILED),	/* these three only if it still stands */
		[LIFE_SUSPEND] = TO(SUSPENDED),
		[LIFE_RESUME] = TO(LIVE),
		[LIFE_REMOVE] = TO(REMOVING),
		[LIFE_APPLIED] = TO(LIVE),
		[LIFE_HALTED] = TO(SUSPENDED),
		[LIFE_ERRED] = TO(FAILED),
		[LIFE_GONE] = TO(NONE),
	},
	[TENANT_REMOVING] = {
		[LIFE_REMOVE] = TO(REMOVING),
		[LIFE_ERRED] = TO(REMOVING),	/* there is no way back; the next run goes on */
		[LIFE_GONE] = TO(NONE),
	},
};

static const char *const advice[TENANT_STATES] = {
	[TENANT_BUILDING] = "wait until it is live",
	[TENANT_LIVE] = "change it with set",
	[TENANT_SUSPENDED] = "resume it, or change it with set",
	[TENANT_FAILED] = "add tries again, remove clears it",
	[TENANT_REMOVING] = "wait until it is gone",
};

int life_step(int state, enum life_event event, const char *site, int *out_state,
	      struct err *err)
{
	if (state < 0 || state >= TENANT_STATES || event >= LIFE_EVENTS)
		return err_set(err, ERR_BAD_RECORD, "site '%s' is in the unknown state %d", site,
			       state);
	if (!moves[state][event].is_allowed && state == TENANT_NONE)
		return err_set(err, ERR_UNKNOWN_SITE, "there is no site '%s'", site);
	if (!moves[state][event].is_allowed)
		return err_set(err, ERR_CONFLICT, "site '%s' exists and is %s; %s", site,
			       tenant_state_word(state), advice[state]);
	*out_state = moves[state][event].next;
	return 0;
}

const char *life_event_word(enum life_event event)
{
	static const char *const words[LIFE_EVENTS] = {
		"add", "restore", "set", "suspend", "resume", "remove",
		"applied", "halted", "erred", "gone",
	};

	return event < LIFE_EVENTS ? words[event] : "?";
}
