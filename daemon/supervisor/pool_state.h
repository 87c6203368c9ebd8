/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a pool as one table: state and event give the next state and
 * what to do.  Pure; pool.c carries it out.  tests/golden/pool_states.txt is
 * the table printed.
 *
 * A tenant may have several generations: `now` serves, `next` is starting to
 * replace it, others finish their requests.  The state is that of `now`; an
 * old one ends by itself and is no event here.
 */
#ifndef DAEMON_SUPERVISOR_POOL_STATE_H
#define DAEMON_SUPERVISOR_POOL_STATE_H

#include "schema/states.h"

enum pool_event {
	WHEN_OPEN,	/* the tenant is there and not suspended */
	WHEN_ADOPTED,	/* an earlier supervisor's `now` is alive and ready */
	WHEN_STOP,	/* it is suspended or removed */
	WHEN_CONNECT,	/* a visitor waits on the listener */
	WHEN_READY,	/* `now` accepts */
	WHEN_LEFT,	/* `now` ended as it should */
	WHEN_CRASHED,	/* `now` ended otherwise, or could not be started */
	WHEN_LATE,	/* the time of the state is over */
	WHEN_REPLACE,	/* other options, or an operator, want a new generation */
	WHEN_NO_ROOM,	/* the same, but memory does not hold two generations */
	WHEN_NEXT_READY,	/* `next` accepts */
	WHEN_NOW_GONE,	/* `now` ended while `next` is starting */
	WHEN_DAMAGED,	/* the tenant has broken its listener */
	POOL_EVENTS
};

enum pool_action {
	DO_REFUSE,	/* no move: log it and change nothing */
	DO_NOTHING,
	DO_LISTEN,	/* hold a sound listener and wait for a visitor */
	DO_STOP,	/* kill all generations, close the listener */
	DO_ADOPT,	/* only watch the listener */
	DO_START,	/* start `now` */
	DO_NOTE_READY,
	DO_BACK_OFF,	/* close the listener, so that visitors get 503; come back later */
	DO_KILL,	/* kill `now`; its end is the next event */
	DO_DEFER,	/* `now` is replaced as soon as it is ready or has failed */
	DO_START_NEXT,	/* start `next`, `now` goes on serving */
	DO_DRAIN,	/* `now` shall finish; a time limits it */
	DO_HAND_OVER,	/* `now` becomes `old` and drains, `next` becomes `now` */
	DO_PROMOTE,	/* `next` becomes `now` while still starting */
	DO_RETIRE,	/* let `now` finish as `old`, then as DO_BACK_OFF */
	POOL_ACTIONS
};

struct pool_move {
	enum pool_state to;
	enum pool_action action;
};

/* The move; its action is DO_REFUSE where the table has none. */
struct pool_move pool_state_move(enum pool_state from, enum pool_event event);

const char *pool_event_word(enum pool_event event);
const char *pool_action_word(enum pool_action action);

#endif
