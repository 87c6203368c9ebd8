/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of `pm`. */
#include "pool/growth.h"

#include "pool/clock.h"

#define LOOK_MS 5		/* between two looks at a listener with a connection waiting */
#define BUSY_MS 15		/* connections wait so long, and no worker is idle */
#define STUCK_MS 50		/* and so long, although some are, or will be */

void growth_init(struct growth *g, const struct options *options, struct workers *workers)
{
	*g = (struct growth){ .options = options, .workers = workers, .spawns_left = UINT32_MAX,
			      .spare_rate = 1 };
}

bool growth_is_possible(const struct growth *g)
{
	return g->workers->count < g->workers->max && g->spawns_left > 0;
}

static int fork_one(struct growth *g, uint64_t now)
{
	if (!growth_is_possible(g) || workers_fork(g->workers, now) < 0)
		return -1;
	g->spawns_left--;
	return 0;
}

static void fork_some(struct growth *g, uint64_t count, uint64_t now)
{
	while (count-- > 0 && fork_one(g, now) == 0)
		;
}

void growth_start(struct growth *g, uint64_t now)
{
	const struct options *o = g->options;

	if (o->pm == PM_STATIC)
		fork_some(g, o->max_children, now);
	if (o->pm == PM_DYNAMIC)
		fork_some(g, o->start_servers ? o->start_servers :
			     o->min_spare_servers +
			     (o->max_spare_servers - o->min_spare_servers) / 2, now);
}

/* As PHP-FPM does: one too many leaves a second; 1, 2, 4 ... come a second while
 * there are too few. */
static void keep_spares(struct growth *g, uint64_t now)
{
	const struct options *o = g->options;
	uint32_t idle = workers_idle(g->workers);
	uint64_t missing = idle < o->min_spare_servers ? o->min_spare_servers - idle : 0;

	if (idle > o->max_spare_servers)
		workers_spare(g->workers, now);
	fork_some(g, missing < g->spare_rate ? missing : g->spare_rate, now);
	if (missing == 0)
		g->spare_rate = 1;
	else if (g->spare_rate < o->max_spawn_rate)
		g->spare_rate *= 2;
}

void growth_fill(struct growth *g, uint64_t now)
{
	if (g->options->pm == PM_STATIC)
		fork_some(g, g->workers->max - g->workers->count, now);
}

void growth_tick(struct growth *g, uint64_t now)
{
	growth_fill(g, now);
	if (g->options->pm != PM_DYNAMIC)
		return;
	g->spawns_left = (uint32_t)g->options->max_spawn_rate;
	keep_spares(g, now);
}

/* How long connections may be seen waiting before there is another worker.  Not
 * long, but a worker at the end of one request takes the next in a moment. */
static uint64_t patience(const struct growth *g)
{
	if (g->workers->count == 0)
		return 0;
	if (g->workers->busy < g->workers->count || workers_are_starting(g->workers))
		return STUCK_MS;
	return BUSY_MS;
}

void growth_wait(struct growth *g, uint64_t now)
{
	g->look_at = now + LOOK_MS;
	if (g->waiting_since == 0)
		g->waiting_since = now;
	workers_watch(g->workers, now);
	if (clock_passed(now, g->waiting_since) >= patience(g))
		(void)fork_one(g, now);
}

void growth_calm(struct growth *g)
{
	g->waiting_since = 0;
}
