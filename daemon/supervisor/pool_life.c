/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool makes of what happens to its generations, and its record. */
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/exec.h"
#include "daemon/supervisor/leftovers.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/pool.h"
#include "schema/events.h"

/* A pool that leaves sooner after it was ready is taken for a crash, so that
 * none can have itself started over and over.  The shortest idle time is 1 s, and a
 * busy machine may let us read late that it is ready. */
#define SHORTEST_RUN_MS 500

void pool_note_error(struct pool *p, const char *text)
{
	(void)str_format(p->last_error, sizeof(p->last_error), "%.*s",
			 (int)sizeof(p->last_error) - 1, text);
}

static enum pool_role role_of(const struct pool *p, const struct generation *g)
{
	return g == p->now ? POOL_NOW : g == p->next ? POOL_NEXT : POOL_OLD;
}

int pool_store(const struct pool *p, struct err *err)
{
	CLOSE_AT_EXIT int dir = place_pool_dir(p->pools->place, p->number, err);
	struct pool_record r = { .number = p->number, .listener = listener_inode(p->listener),
				 .last_generation = p->last_generation };

	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++) {
		const struct generation *g = &p->slot[i];

		if (g->id != 0)
			r.generation[i] = (struct pool_record_generation){
				.id = g->id, .pid = g->pid, .start_time = g->start_time,
				.pool_key = g->pool_key, .is_ready = g->ready_ms != 0,
				.role = role_of(p, g), .drain_s = g->drain_s };
	}
	return dir < 0 || pool_record_write(dir, &r, err) < 0 ? err_wrap(err, "record of %u",
									 p->number) : 0;
}

void pool_store_or_log(const struct pool *p)
{
	struct err err = { 0 };

	if (pool_store(p, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", p->number, err.text);
}

bool pool_is_quiet(const struct pool *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++)
		if (p->slot[i].id != 0)
			return false;
	return !exec_is_living(p->pools->execs, p->number, 0);
}

void pool_on_ready(struct pool *p, struct generation *g)
{
	if (g == p->next)
		pool_step(p, WHEN_NEXT_READY);
	else if (g == p->now)
		pool_step(p, WHEN_READY);
}

void pool_on_late(struct pool *p, struct generation *g)
{
	if (g->ready_ms == 0 && !g->is_leaving)
		(void)str_format(g->failure, sizeof(g->failure), "it was not ready in time");
	if (g == p->now)
		pool_step(p, WHEN_LATE);
	else
		generation_kill(g);
}

uint64_t pool_oom_kills(struct pool *p)
{
	struct cgroup_facts facts;

	if (cgroup_read(&p->pools->place->tree, p->number, &facts, NULL) == 0 &&
	    facts.memory_oom_kill != UINT64_MAX) {
		if (facts.memory_oom_kill < p->oom_last)
			p->oom_before += p->oom_last;
		p->oom_last = facts.memory_oom_kill;
	}
	return p->oom_before + p->oom_last;
}

/* What the end of `now` means. */
static enum pool_event judge(struct pool *p, const struct generation_end *end)
{
	/* How long an adopted one has served nobody knows; and no tenant can have it adopted. */
	bool is_good = end->is_clean && end->was_ready &&
		       (end->ran_ms >= SHORTEST_RUN_MS || end->was->is_adopted);

	/* It may have ended because of that, and before we were told of it. */
	if (p->listener >= 0 && listener_is_damaged(p->listener)) {
		pool_note_damage(p);
		pool_note_error(p, end->text);
		return WHEN_DAMAGED;
	}
	if (p->state == POOL_WARM && p->next)
		return WHEN_NOW_GONE;
	if (p->state == POOL_DRAINING)
		return end->is_clean ? WHEN_LEFT : WHEN_CRASHED;
	if (is_good && p->state == POOL_WARM)
		return WHEN_LEFT;
	p->crashes++;
	pool_note_error(p, end->text);
	if (end->ran_ms > BACKOFF_MAX_MS)
		backoff_reset(&p->backoff);
	return WHEN_CRASHED;
}

void pool_on_end(struct pool *p, const struct generation_end *end)
{
	bool was_now = end->was == p->now;

	(void)str_copy(p->last_end, sizeof(p->last_end), end->text);
	if (end->was == p->next) {
		p->next = NULL;
		pool_note_error(p, end->text);
	}
	p->is_dirty = !leftovers_clear(p);
	if (was_now) {
		enum pool_event event = judge(p, end);

		p->now = NULL;
		pool_store_or_log(p);
		pool_step(p, event);
	} else {
		pool_store_or_log(p);
		if (p->is_outdated && p->state == POOL_WARM)
			pool_replace(p);
	}
	if (pool_is_quiet(p) && p->is_log_wanted) {
		p->is_log_wanted = false;
		log_link_sync(p->pools->log);
	}
	pools_settle(p->pools);
}
