/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a generation, listening to it, ending it. */
#include "daemon/supervisor/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/pool.h"
#include "schema/errors.h"
#include "schema/events.h"

#define START_LIMIT_MS 30000	/* from the clone to READY */
#define DRAIN_GRACE_MS 5000	/* on top of the longest request */

static struct loop *loop_of(struct generation *g)
{
	return &g->pool->pools->place->loop;
}

static void stop_listening(struct generation *g)
{
	loop_watch_stop(loop_of(g), &g->report_watch);
	fd_close(&g->report);
}

static void take_report(struct generation *g, const struct pool_report *r)
{
	switch ((enum pool_report_kind)r->kind) {
	case POOL_REPORT_READY:
		if (g->ready_ms == 0) {
			g->ready_ms = loop_now_ms();
			loop_timer_stop(loop_of(g), &g->deadline);
			pool_on_ready(g->pool, g);
		}
		break;
	case POOL_REPORT_FAILED:
		memcpy(g->failure, r->text, sizeof(g->failure));
		break;
	case POOL_REPORT_LEAVING:
		g->is_leaving = true;
		break;
	case POOL_REPORT_NUMBERS:
		g->workers = r->workers;
		g->active = r->active;
		break;
	}
}

/* Takes what has come.  The gate bounds how much that can be. */
static void hear(struct generation *g)
{
	struct pool_report r;
	char message[sizeof(r) + 1];	/* a longer one is seen to be too long */
	struct err err = { 0 };

	while (g->report >= 0) {
		size_t no_fds = 0;
		ssize_t n = fd_receive(g->report, message, sizeof(message), NULL, &no_fds);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (n < 0)
				log_event(PEER_REFUSED, "tenant=%u generation=%u error='a report "
					  "that cannot be received: %s'", g->pool->number, g->id,
					  strerror(errno));
			stop_listening(g);
			return;
		}
		if (report_gate_pass(&g->gate, loop_now_ms()) < 0)
			(void)err_set(&err, ERR_BAD_RECORD, "too many reports");
		else if (report_check(message, (size_t)n, g->pool->spec.max_children, &r,
				      &err) == 0) {
			take_report(g, &r);
			continue;
		}
		log_event(PEER_REFUSED, "tenant=%u generation=%u error='%s'", g->pool->number,
			  g->id, err.text);
		stop_listening(g);
	}
}

static void on_report(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

/* True if the kernel has killed for memory since the generation began. */
static bool met_memory_limit(struct generation *g)
{
	struct cgroup_facts facts;

	return cgroup_read(&g->pool->pools->place->tree, g->pool->number, &facts, NULL) == 0 &&
	       facts.memory_oom_kill != UINT64_MAX && facts.memory_oom_kill > g->oom_kills;
}

static void describe_end(struct generation *g, const struct spawn_end *end,
			 struct generation_end *out)
{
	char how[SPAWN_END_TEXT];
	bool is_oom = met_memory_limit(g);

	spawn_end_text(end, how);
	*out = (struct generation_end){
		.was = g,
		.is_clean = !g->is_killed && (end->is_known ? !end->is_signal && end->status == 0 :
							      !is_oom),
		.was_ready = g->ready_ms != 0,
		.was_killed = g->is_killed,
		.ran_ms = g->ready_ms ? loop_now_ms() - g->ready_ms : 0,
	};
	if (g->failure[0])
		(void)str_format(out->text, sizeof(out->text), "%s", g->failure);
	else if (out->is_clean && g->is_leaving)
		(void)str_format(out->text, sizeof(out->text), "it left as asked or when idle");
	else
		(void)str_format(out->text, sizeof(out->text), "it %s%s%s", how,
				 g->is_killed ? " by us" : "",
				 is_oom ? "; the memory limit was met" : "");
}

static void on_end(void *owner, uint32_t events)
{
	struct generation *g = owner;
	struct pool *p = g->pool;
	struct spawn_end how;
	struct generation_end end;

	(void)events;
	hear(g);		/* its last words */
	spawn_reap(g->pidfd, &how);
	describe_end(g, &how, &end);
	log_event(POOL_END, "tenant=%u site=%s generation=%u pid=%d how='%s'", p->number,
		  p->spec.site, g->id, (int)g->pid, end.text);
	stop_listening(g);
	loop_watch_stop(loop_of(g), &g->end_watch);
	loop_timer_stop(loop_of(g), &g->deadline);
	fd_close(&g->pidfd);
	g->id = 0;
	fault_point("tenantd.ended");
	pool_on_end(p, &end);
}

static void on_deadline(void *owner)
{
	struct generation *g = owner;

	pool_on_late(g->pool, g);
}

static struct generation *take_slot(struct pool *p, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++) {
		struct generation *g = &p->slot[i];

		if (g->id != 0)
			continue;
		*g = (struct generation){ .pool = p, .pidfd = -1, .report = -1, .workers = -1,
					  .active = -1 };
		g->end_watch = (struct loop_watch){ .fd = -1, .on_event = on_end, .owner = g };
		g->report_watch = (struct loop_watch){ .fd = -1, .on_event = on_report,
						       .owner = g };
		g->deadline = (struct loop_timer){ .on_time = on_deadline, .owner = g };
		return g;
	}
	(void)err_set(err, ERR_BUSY, "%d generations are still ending", POOL_GENERATIONS);
	return NULL;
}

/* What the jail gets, and our ends. */
struct ends {
	int spec, report, our_report, log, go, our_go, cgroup;
};

static void close_ends(struct ends *e)
{
	fd_close(&e->spec);
	fd_close(&e->report);
	fd_close(&e->our_report);
	fd_close(&e->log);
	fd_close(&e->go);
	fd_close(&e->our_go);
	fd_close(&e->cgroup);
}

static int open_ends(struct pool *p, struct generation *g, const struct jail_spec *full,
		     struct ends *e, struct err *err)
{
	struct place *place = p->pools->place;
	int pair[2], pipe_ends[2];

	if (cgroup_set_limits(&place->tree, p->number, &full->limits, err) < 0 ||
	    cgroup_generation_make(&place->tree, p->number, g->id, &e->cgroup, err) < 0)
		return -1;
	e->spec = fd_sealed("spec", full, sizeof(*full), err);
	e->log = e->spec < 0 ? -1 : log_link_pipe(place, p->number, err);
	if (e->log < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make the report channel");
	e->our_report = pair[0];
	e->report = pair[1];
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return err_sys(err, "make the go pipe");
	e->go = pipe_ends[0];
	e->our_go = pipe_ends[1];
	return fcntl(e->our_report, F_SETFL, O_NONBLOCK) < 0 ?
	       err_sys(err, "set up the report channel") : 0;
}

static int start_process(struct pool *p, struct generation *g, struct ends *e, struct err *err)
{
	struct place *place = p->pools->place;
	int fds[] = { p->listener, e->spec, e->report, e->log, e->go };
	struct spawn s = {
		.program = "tenant-jail", .fds = fds, .fd_count = ARRAY_SIZE(fds),
		.output = e->log, .namespaces = CLONE_NEWPID, .cgroup = e->cgroup,
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

static int watch_it(struct generation *g, struct err *err)
{
	g->end_watch.fd = g->pidfd;
	g->report_watch.fd = g->report;
	if (loop_watch_set(loop_of(g), &g->end_watch, EPOLLIN, err) < 0)
		return -1;
	return g->report < 0 ? 0 : loop_watch_set(loop_of(g), &g->report_watch, EPOLLIN, err);
}

/* After a failure: the process, if it is there, has done nothing yet. */
static void abandon(struct generation *g)
{
	siginfo_t info;

	if (g->pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, g->pidfd, SIGKILL, NULL, 0);
		(void)waitid(P_PIDFD, (id_t)g->pidfd, &info, WEXITED);
	}
	stop_listening(g);
	loop_watch_stop(loop_of(g), &g->end_watch);
	fd_close(&g->pidfd);
	g->id = 0;
	g->pool->is_dirty = true;
}

struct generation *generation_start(struct pool *p, struct err *err)
{
	struct ends e = { -1, -1, -1, -1, -1, -1, -1 };
	struct tenant_spec spec;
	struct jail_spec full;
	struct cgroup_facts facts = { 0 };

	if (tenant_spec_read(p->pools->place, p->number, &spec, &full, err) < 0)
		return NULL;
	struct generation *g = take_slot(p, err);

	if (!g)
		return NULL;
	g->id = ++p->last_generation;
	g->pool_key = spec.pool_key;
	g->drain_s = spec.drain_s;
	if (open_ends(p, g, &full, &e, err) < 0 || start_process(p, g, &e, err) < 0) {
		abandon(g);
		close_ends(&e);
		return NULL;
	}
	(void)cgroup_read(&p->pools->place->tree, p->number, &facts, NULL);	/* display only */
	g->oom_kills = facts.memory_oom_kill;
	g->report = fd_take(&e.our_report);
	close_ends(&e);
	if (watch_it(g, err) < 0) {
		abandon(g);
		return NULL;
	}
	loop_timer_set(loop_of(g), &g->deadline, START_LIMIT_MS);
	p->starts++;
	log_event(POOL_SPAWN, "tenant=%u site=%s generation=%u pid=%d uid=%u", p->number,
		  spec.site, g->id, (int)g->pid, spec.uid);
	return g;
}

struct generation *generation_adopt(struct pool *p, const struct generation *like, int pidfd,
				    struct err *err)
{
	struct generation *g = take_slot(p, err);
	struct cgroup_facts facts = { 0 };

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
	(void)cgroup_read(&p->pools->place->tree, p->number, &facts, NULL);	/* display only */
	g->oom_kills = facts.memory_oom_kill;
	if (watch_it(g, err) < 0) {
		fd_close(&g->pidfd);
		g->id = 0;
		return NULL;
	}
	return g;
}

void generation_drain(struct generation *g)
{
	g->is_leaving = true;
	(void)syscall(SYS_pidfd_send_signal, g->pidfd, SIGQUIT, NULL, 0);	/* ESRCH: it ended */
	loop_timer_set(loop_of(g), &g->deadline, (int64_t)g->drain_s * 1000 + DRAIN_GRACE_MS);
}

void generation_kill(struct generation *g)
{
	struct err err = { 0 };

	g->is_killed = true;
	/* Pid 1 takes its namespace along; the group holds whatever else. */
	(void)syscall(SYS_pidfd_send_signal, g->pidfd, SIGKILL, NULL, 0);	/* ESRCH: it ended */
	if (cgroup_kill(&g->pool->pools->place->tree, g->pool->number, g->id, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u generation=%u error='%s'", g->pool->number,
			  g->id, err.text);
}

#define TIDY_MAX 16		/* groups per run; more are left to the next one */

struct leftovers {
	const struct pool *pool;
	uint32_t id[TIDY_MAX];
	size_t count;
};

static int collect(uint32_t id, void *arg)
{
	struct leftovers *l = arg;

	for (size_t i = 0; i < ARRAY_SIZE(l->pool->slot); i++)
		if (l->pool->slot[i].id == id)
			return 0;
	l->id[l->count++] = id;
	return l->count == TIDY_MAX;
}

bool generation_tidy(struct pool *p)
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
	return is_done && l.count < TIDY_MAX;
}
