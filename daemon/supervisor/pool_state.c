/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the pool's life. */
#include "daemon/supervisor/pool_state.h"

static const struct pool_move moves[POOL_STATES][POOL_EVENTS] = {
	[POOL_COLD] = {
		[WHEN_OPEN]       = { POOL_COLD,     DO_LISTEN },
		[WHEN_ADOPTED]    = { POOL_WARM,     DO_ADOPT },
		[WHEN_STOP]       = { POOL_COLD,     DO_STOP },
		[WHEN_LATE]       = { POOL_COLD,     DO_LISTEN },
		[WHEN_CONNECT]    = { POOL_STARTING, DO_START },
		[WHEN_REPLACE]    = { POOL_COLD,     DO_NOTHING },
		[WHEN_DAMAGED]    = { POOL_BACKOFF,  DO_BACK_OFF },
	},
	[POOL_STARTING] = {
		[WHEN_OPEN]       = { POOL_STARTING, DO_NOTHING },
		[WHEN_STOP]       = { POOL_COLD,     DO_STOP },
		[WHEN_READY]      = { POOL_WARM,     DO_NOTE_READY },
		[WHEN_CRASHED]    = { POOL_BACKOFF,  DO_BACK_OFF },
		[WHEN_LATE]       = { POOL_STARTING, DO_KILL },
		[WHEN_REPLACE]    = { POOL_STARTING, DO_DEFER },
		[WHEN_DAMAGED]    = { POOL_BACKOFF,  DO_RETIRE },
	},
	[POOL_WARM] = {
		[WHEN_OPEN]       = { POOL_WARM,     DO_NOTHING },
		[WHEN_STOP]       = { POOL_COLD,     DO_STOP },
		[WHEN_LEFT]       = { POOL_COLD,     DO_LISTEN },
		[WHEN_CRASHED]    = { POOL_BACKOFF,  DO_BACK_OFF },
		[WHEN_REPLACE]    = { POOL_WARM,     DO_START_NEXT },
		[WHEN_NO_ROOM]    = { POOL_DRAINING, DO_DRAIN },
		[WHEN_NEXT_READY] = { POOL_WARM,     DO_HAND_OVER },
		[WHEN_NOW_GONE]   = { POOL_STARTING, DO_PROMOTE },
		[WHEN_DAMAGED]    = { POOL_BACKOFF,  DO_RETIRE },
	},
	[POOL_DRAINING] = {
		[WHEN_OPEN]       = { POOL_DRAINING, DO_NOTHING },
		[WHEN_STOP]       = { POOL_COLD,     DO_STOP },
		[WHEN_LEFT]       = { POOL_COLD,     DO_LISTEN },
		[WHEN_CRASHED]    = { POOL_COLD,     DO_LISTEN },
		[WHEN_LATE]       = { POOL_DRAINING, DO_KILL },
		[WHEN_REPLACE]    = { POOL_DRAINING, DO_NOTHING },
		[WHEN_DAMAGED]    = { POOL_BACKOFF,  DO_RETIRE },
	},
	[POOL_BACKOFF] = {
		[WHEN_OPEN]       = { POOL_BACKOFF,  DO_NOTHING },
		[WHEN_STOP]       = { POOL_COLD,     DO_STOP },
		[WHEN_LATE]       = { POOL_COLD,     DO_LISTEN },
		/* Whoever changed the options wants to see whether that helped. */
		[WHEN_REPLACE]    = { POOL_COLD,     DO_LISTEN },
	},
};

struct pool_move pool_state_move(enum pool_state from, enum pool_event event)
{
	return moves[from][event];
}

const char *pool_event_word(enum pool_event event)
{
	static const char *const words[POOL_EVENTS] = {
		[WHEN_OPEN] = "open",             [WHEN_ADOPTED] = "adopted",
		[WHEN_STOP] = "stop",             [WHEN_CONNECT] = "connect",
		[WHEN_READY] = "ready",           [WHEN_LEFT] = "left",
		[WHEN_CRASHED] = "crashed",       [WHEN_LATE] = "late",
		[WHEN_REPLACE] = "replace",       [WHEN_NO_ROOM] = "no-room",
		[WHEN_NEXT_READY] = "next-ready", [WHEN_NOW_GONE] = "now-gone",
		[WHEN_DAMAGED] = "damaged",
	};

	return words[event];
}

const char *pool_action_word(enum pool_action action)
{
	static const char *const words[POOL_ACTIONS] = {
		[DO_REFUSE] = "refuse",         [DO_NOTHING] = "nothing",
		[DO_LISTEN] = "listen",         [DO_STOP] = "stop",
		[DO_ADOPT] = "adopt",           [DO_START] = "start",
		[DO_NOTE_READY] = "note-ready", [DO_BACK_OFF] = "back-off",
		[DO_KILL] = "kill",             [DO_DEFER] = "defer",
		[DO_START_NEXT] = "start-next", [DO_DRAIN] = "drain",
		[DO_HAND_OVER] = "hand-over",   [DO_PROMOTE] = "promote",
		[DO_RETIRE] = "retire",
	};

	return words[action];
}
