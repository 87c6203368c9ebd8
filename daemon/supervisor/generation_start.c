/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a generation to life: its own process, or an earlier supervisor's. */
#include "daemon/supervisor/generation.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/board.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/net_link.h"
#include "daemon/supervisor/pool.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/pool_spec.h"

static struct loop *loop_of(struct generation *g)
{
	return &g->pool->pools->place->loop;
}

/* What the jail gets, and our ends.  The output is the PHP log opened once more: what a worker
 * does to its own (O_NONBLOCK), the pool's master does not meet. */
struct ends {
	int spec, report, our_report, log[POOL_LOGS], output, go, our_go, cgroup, net;
};

static void close_ends(struct ends *e)
{
	fd_close(&e->spec);
	fd_close(&e->report);
	fd_close(&e->our_report);
	for (int i = 0; i < POOL_LOGS; i++)
		fd_close(&e->log[i]);
	fd_close(&e->output);
	fd_close(&e->go);
	fd_close(&e->our_go);
	fd_close(&e->cgroup);
	fd_close(&e->net);
}

static int open_ends(struct pool *p, struct generation *g, const struct jail_spec *full,
		     struct ends *e, struct err *err)
{
	struct place *place = p->pools->place;

	if (cgroup_set_limits(&place->tree, p->number, &full->limits, err) < 0 ||
	    cgroup_generation_make(&place->tree, p->number, g->id, &e->cgroup, err) < 0)
		return -1;
	e->spec = fd_sealed("spec", full, sizeof(*full), err);
	if (e->spec < 0)
		return -1;
	for (int i = 0; i < POOL_LOGS; i++) {
		e->log[i] = log_link_pipe(place, p->number, (enum log_which)i, err);
		if (e->log[i] < 0)
			return -1;
	}
	e->output = log_link_pipe(place, p->number, LOG_PHP, err);
	if (e->output < 0)
		return -1;
	return spawn_channel(&e->our_report, &e->report, err) < 0 ||
	       spawn_pipe(&e->go, &e->our_go, err) < 0 ? -1 : 0;
}

static int start_process(struct pool *p, struct generation *g, struct ends *e, struct err *err)
{
	struct place *place = p->pools->place;
	int fds[] = { p->listener, e->spec, e->report, e->log[LOG_PHP], e->go,
		      e->log[LOG_SLOW], e->log[LOG_ACCESS], e->net };
	struct spawn s = {
		.program = "tenant-jail", .fds = fds, .fd_count = ARRAY_SIZE(fds) - (e->net < 0),
		.output = e->output, .cgroup = e->cgroup,
		.namespaces = mutant_is_off("pid-ns") ? 0 : CLONE_NEWPID,
	};

	if (spawn(place, &s, &g->pid, &g->pidfd, err) < 0)
		return -1;
	fault_point("tenantd.spawned");
	/* Not on its way before its limits hold and the next supervisor could
	 * find it; if we die before the byte, it meets the end of the pipe. */
	if (cgroup_attach(&place->tree, p->number, g->id, g->pid, err) < 0)
		return -1;
	g->start_time = pool_record_start_time(g->pid);
	if (pool_store(p, err) < 0)
		return -1;
	fault_point("tenantd.recorded");
	if (fd_write_full(e->our_go, "", 1) < 0)
		return err_sys(err, "let tenant-jail go");
	return 0;
}

/* After a failure: the process, if it is there, has done nothing yet.  Its end is not waited
 * for: it keeps its slot until the loop sees it, as any other's. */
static void abandon(struct generation *g)
{
	struct spawn_end end;

	generation_stop_listening(g);
	g->pool->is_dirty = true;
	if (g->pidfd >= 0) {
		generation_kill(g);
		g->end_watch.fd = g->pidfd;
		if (loop_watch_set(loop_of(g), &g->end_watch, EPOLLIN, NULL) == 0)
			return;
		spawn_reap(g->pidfd, &end);
	}
	fd_close(&g->pidfd);
	fd_close(&g->board);
	net_link_drop(g->pool->pools->net, g->pool, g);
	g->id = 0;
}

int generation_check_program(const struct jail_spec *full, struct err *err)
{
	if (access(full->program, X_OK) == 0)
		return 0;
	return err_sys(err, "start '%s', which brings the site's PHP (tenantctl php list tells the "
		       "versions there are; install this one, or set the option php)",
		       full->program);
}

struct generation *generation_start(struct pool *p, struct err *err)
{
	struct ends e = { -1, -1, -1, { -1, -1, -1 }, -1, -1, -1, -1, -1 };
	struct tenant_spec spec;
	struct jail_spec full;

	if (tenant_spec_read(p->pools->place, p->number, &spec, &full, err) < 0)
		return NULL;
	if (spec.is_suspended) {
		(void)err_set(err, ERR_CONFLICT, "'%s' is suspended", spec.site);
		return NULL;
	}
	if (generation_check_program(&full, err) < 0)
		return NULL;
	struct generation *g = generation_slot(p, 0, err);

	if (!g)
		return NULL;
	p->spec.has_network = spec.has_network;
	g->id = ++p->last_generation;
	g->pool_key = spec.pool_key;
	g->drain_s = spec.drain_s;
	e.net = net_link_want(p->pools->net, p, g);
	if (e.net < 0)
		full.flags &= ~(uint32_t)SPEC_NETWORK;
	(void)str_copy(full.resolvers, sizeof(full.resolvers),
		       p->pools->place->settings.net_resolver);	/* as long */
	if (open_ends(p, g, &full, &e, err) < 0 || start_process(p, g, &e, err) < 0) {
		abandon(g);
		close_ends(&e);
		return NULL;
	}
	g->oom_kills = pool_oom_kills(p);
	g->report = fd_take(&e.our_report);
	close_ends(&e);
	if (generation_watch(g, err) < 0) {
		abandon(g);
		return NULL;
	}
	if (!mutant_is_off("start-limit"))
		loop_timer_set(loop_of(g), &g->deadline, START_LIMIT_MS);
	p->starts++;
	log_event(POOL_SPAWN, "tenant=%u site=%s generation=%u pid=%d uid=%u", p->number,
		  spec.site, g->id, (int)g->pid, spec.uid);
	return g;
}

struct generation *generation_adopt(struct pool *p, const struct generation *like, size_t slot,
				    int pidfd, struct err *err)
{
	struct generation *g = generation_slot(p, slot, err);

	if (!g) {
		fd_close(&pidfd);
		return NULL;
	}
	g->id = like->id;
	g->pid = like->pid;
	g->start_time = like->start_time;
	g->pool_key = like->pool_key;
	g->drain_s = like->drain_s;
	g->is_adopted = true;
	g->pidfd = pidfd;
	g->board = (int)syscall(SYS_pidfd_getfd, pidfd, POOL_FD_BOARD, 0);
	if (g->board >= 0 && !board_is_one(g->board))
		fd_close(&g->board);
	g->oom_kills = pool_oom_kills(p);
	if (generation_watch(g, err) < 0) {
		fd_close(&g->pidfd);
		fd_close(&g->board);
		g->id = 0;
		return NULL;
	}
	return g;
}
