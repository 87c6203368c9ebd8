/* SPDX-License-Identifier: Apache-2.0 */
/* The moves of pools carried out; the table of tenants is pools.c. */
#include "daemon/supervisor/pool.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/log_link.h"
#include "schema/events.h"

static struct loop *loop_of(struct pool *p)
{
	return &p->pools->place->loop;
}

/* What the listener is watched for: a visitor, or only damage. */
static int watch_listener(struct pool *p, bool for_visitors, struct err *err)
{
	p->listener_watch.fd = p->listener;
	/* One report per arming: whatever state the tenant has put the socket
	 * into, it wakes us once. */
	return loop_watch_set(loop_of(p), &p->listener_watch,
			      EPOLLRDHUP | EPOLLONESHOT | (for_visitors ? EPOLLIN : 0), err);
}

static void close_listener(struct pool *p)
{
	loop_watch_stop(loop_of(p), &p->listener_watch);
	listener_close(p->pools->place, p->number, &p->listener);
}

void pool_note_damage(struct pool *p)
{
	p->listener_replaced++;
	log_event(LISTENER_DAMAGED, "tenant=%u site=%s times=%llu", p->number, p->spec.site,
		  (unsigned long long)p->listener_replaced);
}

static void do_listen(struct pool *p)
{
	struct err err = { 0 };

	loop_timer_stop(loop_of(p), &p->timer);
	if (p->listener >= 0 && listener_mend(p->listener, p->spec.backlog, &err) < 0) {
		pool_note_damage(p);
		pool_step(p, WHEN_DAMAGED);
		return;
	}
	if (p->listener < 0) {
		p->listener = listener_bind(p->pools->place, p->number, p->spec.backlog,
					    &err);
		fault_point("tenantd.bound");
		pool_store_or_log(p);
	}
	if (p->listener >= 0 && watch_listener(p, true, &err) == 0)
		return;
	log_event(DAEMON_ERROR, "tenant=%u site=%s error='%s'", p->number, p->spec.site, err.text);
	pool_note_error(p, err.text);
	loop_timer_set(loop_of(p), &p->timer, backoff_next(&p->backoff, 0));
}

static void kill_all(struct pool *p)
{
	p->now = NULL;
	p->next = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++)
		if (p->slot[i].id != 0)
			generation_kill(&p->slot[i]);
}

static void do_stop(struct pool *p)
{
	struct err err = { 0 };

	close_listener(p);
	loop_timer_stop(loop_of(p), &p->timer);
	backoff_reset(&p->backoff);
	kill_all(p);
	/* Also what no record explains. */
	if (cgroup_kill(&p->pools->place->tree, p->number, 0, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", p->number, err.text);
	p->is_dirty = true;
	pool_store_or_log(p);
}

static struct generation *start(struct pool *p)
{
	struct err err = { 0 };
	struct generation *g = generation_start(p, &err);

	if (g) {
		p->is_log_wanted = true;
		log_link_sync(p->pools->log);
		return g;
	}
	log_event(DAEMON_ERROR, "tenant=%u site=%s error='%s'", p->number, p->spec.site, err.text);
	pool_note_error(p, err.text);
	return NULL;
}

static void do_start(struct pool *p)
{
	struct err err = { 0 };

	p->is_outdated = false;
	p->now = start(p);
	if (!p->now) {
		p->crashes++;
		pool_step(p, WHEN_CRASHED);
	} else if (watch_listener(p, false, &err) < 0) {
		/* Only the damage of its own site would go unseen. */
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", p->number, err.text);
	}
}

static void do_adopt(struct pool *p)
{
	struct err err = { 0 };

	if (watch_listener(p, false, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", p->number, err.text);
}

static void do_note_ready(struct pool *p)
{
	p->last_error[0] = '\0';
	log_event(POOL_READY, "tenant=%u site=%s generation=%u pid=%d", p->number, p->spec.site,
		  p->now->id, (int)p->now->pid);
	pool_store_or_log(p);
	fault_point("tenantd.ready");
	if (p->is_outdated)
		pool_replace(p);
}

static void back_off_for(struct pool *p, int64_t delay_ms)
{
	/* Nobody shall hang in the queue of a site that does not come: those who
	 * wait are reset, those who come find no socket, nginx says 503. */
	close_listener(p);
	pool_store_or_log(p);
	loop_timer_set(loop_of(p), &p->timer, delay_ms);
	log_event(POOL_BACKOFF, "tenant=%u site=%s seconds=%lld error='%s'", p->number,
		  p->spec.site, (long long)delay_ms / 1000, p->last_error);
}

static void do_back_off(struct pool *p)
{
	/* What failed is not what is wanted now. */
	if (p->is_outdated) {
		p->is_outdated = false;
		pool_replace(p);
		return;
	}
	/* pool_on_end() has taken the length of the good run into account. */
	back_off_for(p, backoff_next(&p->backoff, 0));
}

static void do_kill(struct pool *p)
{
	if (p->now)
		generation_kill(p->now);
}

/* One that is on its way may have workers that serve visitors already, before
 * its report is read: it is not killed for the sake of a newer one. */
static void do_defer(struct pool *p)
{
	p->is_outdated = true;
}

static bool has_free_slot(const struct pool *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++)
		if (p->slot[i].id == 0)
			return true;
	return false;
}

/* Again when `next` is ready or has failed, or when an old one has ended. */
static void do_start_next(struct pool *p)
{
	p->is_outdated = p->next || !has_free_slot(p);
	if (!p->is_outdated)
		p->next = start(p);
}

static void do_drain(struct pool *p)
{
	p->is_outdated = false;
	generation_drain(p->now);
	pool_store_or_log(p);
}

static void do_hand_over(struct pool *p)
{
	struct generation *old = p->now;

	p->now = p->next;
	p->next = NULL;
	/* Recorded first: a supervisor that comes after us would take the end of
	 * the one that was told to leave for a crash of the one that serves. */
	pool_store_or_log(p);
	fault_point("tenantd.handed_over");
	generation_drain(old);
	do_note_ready(p);
}

static void do_promote(struct pool *p)
{
	p->now = p->next;
	p->next = NULL;
	pool_store_or_log(p);
}

static void do_retire(struct pool *p)
{
	if (p->now && p->now->ready_ms == 0)
		generation_kill(p->now);
	else if (p->now)
		generation_drain(p->now);
	if (p->next)
		generation_kill(p->next);
	p->now = NULL;
	p->next = NULL;
	do_back_off(p);
}

static void do_nothing(struct pool *p)
{
	(void)p;
}

static void (*const actions[POOL_ACTIONS])(struct pool *p) = {
	[DO_NOTHING] = do_nothing,       [DO_LISTEN] = do_listen,
	[DO_STOP] = do_stop,             [DO_ADOPT] = do_adopt,
	[DO_START] = do_start,           [DO_NOTE_READY] = do_note_ready,
	[DO_BACK_OFF] = do_back_off,     [DO_KILL] = do_kill,
	[DO_DEFER] = do_defer,           [DO_START_NEXT] = do_start_next,
	[DO_DRAIN] = do_drain,           [DO_HAND_OVER] = do_hand_over,
	[DO_PROMOTE] = do_promote,       [DO_RETIRE] = do_retire,
};

void pool_step(struct pool *p, enum pool_event event)
{
	struct pool_move move = pool_state_move(p->state, event);

	if (move.action == DO_REFUSE) {
		log_event(DAEMON_ERROR, "tenant=%u error='no move from %s when %s'", p->number,
			  pool_state_word((int)p->state), pool_event_word(event));
		return;
	}
	if (move.to != p->state)
		p->since = time(NULL);
	p->state = move.to;
	actions[move.action](p);
}

void pool_listen_anew(struct pool *p)
{
	struct err err = { 0 };

	close_listener(p);
	if (p->state == POOL_COLD) {
		pool_step(p, WHEN_OPEN);
		return;
	}
	p->listener = listener_bind(p->pools->place, p->number, p->spec.backlog, &err);
	pool_store_or_log(p);
	if (p->listener < 0 || watch_listener(p, false, &err) < 0) {
		log_event(DAEMON_ERROR, "tenant=%u site=%s error='%s'", p->number, p->spec.site,
			  err.text);
		pool_note_error(p, err.text);
	}
	pool_replace(p);
}

void pool_replace(struct pool *p)
{
	struct cgroup_facts facts = { 0 };
	bool has_room = cgroup_read(&p->pools->place->tree, p->number, &facts, NULL) < 0 ||
			facts.memory_max == UINT64_MAX ||
			facts.memory_current <= facts.memory_max / 2;

	if (p->state == POOL_BACKOFF)
		backoff_reset(&p->backoff);
	pool_step(p, p->state == POOL_WARM && !has_room ? WHEN_NO_ROOM : WHEN_REPLACE);
}
