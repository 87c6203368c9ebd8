/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tenants: filling it, following the specs, clearing away. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/exec.h"
#include "daemon/supervisor/leftovers.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/net_link.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/pool_check.h"
#include "daemon/supervisor/visits.h"
#include "schema/errors.h"
#include "schema/events.h"

#define SWEEP_MS 100

/* The index of NUMBER, or where it belongs. */
static size_t position(const struct pools *ps, uint32_t number)
{
	size_t low = 0, high = ps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ps->at[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct pool *pools_find(const struct pools *ps, uint32_t number)
{
	size_t i = position(ps, number);

	return i < ps->count && ps->at[i]->number == number ? ps->at[i] : NULL;
}

static void on_listener(void *owner, uint32_t events)
{
	struct pool *p = owner;

	if ((events & LISTENER_DAMAGE) && !mutant_is_off("listener-watch")) {
		pool_note_damage(p);
		pool_step(p, WHEN_DAMAGED);
	} else {
		pool_step(p, WHEN_CONNECT);
	}
}

static void on_time(void *owner)
{
	pool_step(owner, WHEN_LATE);
}

struct pool *pools_add(struct pools *ps, uint32_t number, struct err *err)
{
	struct pool *p = pools_find(ps, number);
	size_t i = position(ps, number);

	if (p)
		return p;
	if (ps->count >= ps->max) {
		(void)err_set(err, ERR_EXHAUSTED, "there are %zu tenants; raise tenants_max in "
			      "the configuration and restart tenantd", ps->max);
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		(void)err_set(err, ERR_EXHAUSTED, "no memory for tenant %u", number);
		return NULL;
	}
	p->pools = ps;
	p->number = number;
	p->state = POOL_COLD;
	p->listener = -1;
	p->listener_watch = (struct loop_watch){ .fd = -1, .on_event = on_listener, .owner = p };
	p->timer = (struct loop_timer){ .on_time = on_time, .owner = p };
	memmove(&ps->at[i + 1], &ps->at[i], (ps->count - i) * sizeof(struct pool *));
	ps->at[i] = p;
	ps->count++;
	return p;
}

/* Everything of a tenant without a spec, once its processes are gone. */
static bool clear_away(struct pools *ps, struct pool *p)
{
	char name[16];
	struct err err = { 0 };

	(void)str_format(name, sizeof(name), "%u", p->number);	/* fits */
	if (cgroup_kill(&ps->place->tree, p->number, 0, &err) < 0 ||
	    cgroup_remove(&ps->place->tree, p->number, 0, &err) < 0 ||
	    file_remove_tree(ps->place->pool_dir, name, &err) < 0)
		return false;
	net_link_forget(ps->net, p->number);
	log_link_forget(ps->place, p->number);
	visits_forget(ps->log, p);
	size_t i = position(ps, p->number);

	ps->count--;
	memmove(&ps->at[i], &ps->at[i + 1], (ps->count - i) * sizeof(struct pool *));
	loop_timer_stop(&ps->place->loop, &p->timer);
	free(p);
	return true;
}

static void on_sweep(void *owner)
{
	struct pools *ps = owner;
	bool is_left = false;

	for (size_t i = 0; i < ps->count;) {
		struct pool *p = ps->at[i];

		if (p->is_gone && pool_is_quiet(p) && !p->is_log_sent) {
			if (clear_away(ps, p))
				continue;	/* the next one has moved here */
			is_left = true;
		} else if (p->is_dirty) {
			p->is_dirty = !leftovers_clear(p);
		}
		is_left = is_left || p->is_gone || p->is_dirty;
		i++;
	}
	if (is_left)
		loop_timer_set(&ps->place->loop, &ps->sweep, SWEEP_MS);
	if (ps->on_change)
		ps->on_change(ps->owner);
}

void pools_settle(struct pools *ps)
{
	if (!ps->sweep.is_set)
		loop_timer_set(&ps->place->loop, &ps->sweep, 1);
}

int pools_init(struct pools *ps, struct place *place, struct log_link *log, struct net_link *net,
	       struct err *err)
{
	uint64_t max = place->settings.tenants_max;

	*ps = (struct pools){ .place = place, .log = log, .net = net, .max = (size_t)max,
			      .sweep = { .on_time = on_sweep, .owner = ps } };
	if (max == 0 || max > POOLS_MAX)
		return err_set(err, ERR_BAD_CONFIG, "tenants_max is %llu; 1 to %d can be",
			       (unsigned long long)max, POOLS_MAX);
	ps->at = calloc((size_t)max + 1, sizeof(struct pool *));
	return ps->at ? 0 : err_set(err, ERR_EXHAUSTED, "no memory for %llu tenants",
				    (unsigned long long)max);
}

void pool_discard(struct pool *p)
{
	p->is_gone = true;
	pool_step(p, WHEN_STOP);
	pools_settle(p->pools);
}

/* True if what runs, or failed to, is not what the spec says now. */
static bool is_outdated(const struct pool *p, uint64_t key_before)
{
	const struct generation *g = p->next ? p->next : p->now;

	return g ? g->pool_key != p->spec.pool_key : key_before != p->spec.pool_key;
}

int pools_sync(struct pools *ps, uint32_t number, struct err *err)
{
	struct pool *p = pools_find(ps, number);
	struct tenant_spec spec;

	if (tenant_spec_read(ps->place, number, &spec, NULL, err) < 0) {
		if (err->sys != ENOENT)
			return -1;
		*err = (struct err){ 0 };
		if (p)
			pool_discard(p);
		place_forget_limits(ps->place, number);
		return 0;
	}
	if (!p)
		p = pools_add(ps, number, err);
	if (!p)
		return -1;
	uint64_t key_before = p->spec.pool_key;

	/* The next start sets it again; who fails here is told then. */
	if (p->listener >= 0 && p->spec.backlog != spec.backlog)
		(void)listen(p->listener, (int)spec.backlog);
	p->spec = spec;
	p->is_gone = false;
	/* Also ends a pool that could not be adopted while the spec was unreadable. */
	p->is_dirty = true;
	pools_settle(ps);
	/* Before nginx serves it, tenant-log has the file of its visits. */
	log_link_sync(ps->log);
	if (spec.is_suspended)
		pool_step(p, WHEN_STOP);
	/* Whoever takes programs away means those that run, too. */
	if (!spec.has_programs)
		exec_forbid(ps->execs, number);
	net_link_follow(ps->net, p);
	if (place_set_limits(ps->place, number, &spec.limits, err) < 0)
		return -1;
	if (spec.is_suspended)
		return 0;
	/* Replacing comes first: a pool in back-off listens again by it. */
	if (is_outdated(p, key_before))
		pool_replace(p);
	pool_step(p, WHEN_OPEN);
	pool_mend(p);
	return 0;
}
