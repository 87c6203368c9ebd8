/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the groups that are there with the generations that live. */
#include "daemon/supervisor/leftovers.h"

#include "base/str.h"
#include "daemon/supervisor/aside.h"
#include "daemon/supervisor/exec.h"
#include "daemon/supervisor/pool.h"

#define CLEAR_MAX 16		/* groups per run; more are left to the next one */

struct leftovers {
	const struct pool *pool;
	uint32_t id[CLEAR_MAX];
	size_t count;
};

static int collect(uint32_t id, void *arg)
{
	struct leftovers *l = arg;

	for (size_t i = 0; i < ARRAY_SIZE(l->pool->slot); i++)
		if (l->pool->slot[i].id == id)
			return 0;
	if (exec_is_living(l->pool->pools->execs, l->pool->number, id) ||
	    aside_is_living(l->pool->pools, l->pool->number, id))
		return 0;
	l->id[l->count++] = id;
	return l->count == CLEAR_MAX;
}

bool leftovers_clear(struct pool *p)
{
	const struct cgroup_tree *tree = &p->pools->place->tree;
	struct leftovers l = { .pool = p };
	struct err err = { 0 };
	bool is_done = true;

	if (cgroup_each_generation(tree, p->number, collect, &l, &err) < 0)
		is_done = false;
	for (size_t i = 0; i < l.count; i++)
		if (cgroup_kill(tree, p->number, l.id[i], &err) < 0 ||
		    cgroup_remove(tree, p->number, l.id[i], &err) < 0)
			is_done = false;
	return is_done && l.count < CLEAR_MAX;
}
