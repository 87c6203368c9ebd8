/* SPDX-License-Identifier: Apache-2.0 */
/* Starting commands, waiting for their end or their caller's. */
#include "daemon/supervisor/exec.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/report.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/pool_spec.h"

_Static_assert(sizeof(struct wire_exec) <= SPEC_PAYLOAD_MAX, "a command fits the spec");

#define PROGRAM "tenant-exec"	/* beside the pool's program */

/* What the jail gets, and what stays here or goes to the caller. */
struct ends {
	int spec, in, out, error, report, go, cgroup;
	int our_report, our_go, channel;
	int callers[EXEC_FDS];
};

static struct loop *loop_of(struct exec *x)
{
	return &x->execs->pools->place->loop;
}

static void close_ends(struct ends *e)
{
	int *const all[] = { &e->spec, &e->in, &e->out, &e->error, &e->report, &e->go, &e->cgroup,
			     &e->our_report, &e->our_go, &e->channel };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fd_close(all[i]);
	for (size_t i = 0; i < EXEC_FDS; i++)
		fd_close(&e->callers[i]);
}

/* A pipe; the jail's end is the tenant's, so that /dev/stdin can be opened. */
static int make_pipe(int *reads, int *writes, uint32_t uid, struct err *err)
{
	if (spawn_pipe(reads, writes, err) < 0)
		return -1;
	return fchown(*reads, uid, uid) < 0 ? err_sys(err, "give a pipe to %u", uid) : 0;
}

static int open_ends(struct exec *x, const struct jail_spec *spec, struct ends *e,
		     struct err *err)
{
	const struct cgroup_tree *tree = &x->execs->pools->place->tree;

	if (cgroup_set_limits(tree, x->number, &spec->limits, err) < 0 ||
	    cgroup_generation_make(tree, x->number, x->generation, &e->cgroup, err) < 0 ||
	    make_pipe(&e->in, &e->callers[0], spec->uid, err) < 0 ||
	    make_pipe(&e->callers[1], &e->out, spec->uid, err) < 0 ||
	    make_pipe(&e->callers[2], &e->error, spec->uid, err) < 0 ||
	    spawn_channel(&e->our_report, &e->report, err) < 0 ||
	    spawn_channel(&e->channel, &e->callers[3], err) < 0 ||
	    spawn_pipe(&e->go, &e->our_go, err) < 0)
		return -1;
	e->spec = fd_sealed("spec", spec, sizeof(*spec), err);
	return e->spec < 0 ? -1 : 0;
}

/* The tenant's own spec with another program and its words. */
static int make_spec(const struct pool *p, const struct wire_exec *what, struct jail_spec *out,
		     struct err *err)
{
	struct tenant_spec spec;
	char *name = NULL;

	if (tenant_spec_read(p->pools->place, p->number, &spec, out, err) < 0)
		return -1;
	if (spec.is_suspended)
		return err_set(err, ERR_CONFLICT, "'%s' is suspended", spec.site);
	if (!(out->flags & SPEC_PROGRAMS) && !mutant_is_off("exec-policy"))
		return err_set(err, ERR_POLICY, "programs are not allowed in the cage of '%s'; "
			       "give it a plan with programs=allow, or set it", spec.site);
	name = strrchr(out->program, '/') + 1;	/* absolute: the spec was checked */
	if (str_copy(name, (size_t)(out->program + sizeof(out->program) - name), PROGRAM) < 0)
		return err_set(err, ERR_SYSTEM, "the path of " PROGRAM " is too long");
	/* The site's one link is its pool's: a command has the loopback alone. */
	out->flags &= ~(uint32_t)SPEC_NETWORK;
	memset(out->payload, 0, sizeof(out->payload));
	memcpy(out->payload, what, sizeof(*what));
	out->payload_size = sizeof(*what);
	return 0;
}

static void let_go(struct exec *x)
{
	loop_watch_stop(loop_of(x), &x->end_watch);
	loop_watch_stop(loop_of(x), &x->channel_watch);
	loop_timer_stop(loop_of(x), &x->deadline);
	fd_close(&x->pidfd);
	fd_close_strange(x->number, &x->report);
	fd_close(&x->channel);
	x->number = x->generation = 0;
}

static void kill_it(struct exec *x)
{
	struct err err = { 0 };

	/* ESRCH: it ended.  Pid 1 takes its namespace along. */
	(void)syscall(SYS_pidfd_send_signal, x->pidfd, SIGKILL, NULL, 0);
	if (cgroup_kill(&x->execs->pools->place->tree, x->number, x->generation, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u generation=%u error='%s'", x->number,
			  x->generation, err.text);
}

/* Why the jail could not be built, in its words. */
static void take_report(struct exec *x, char out[REASON_MAX])
{
	struct pool_report r;
	char message[sizeof(r) + 1];
	size_t no_fds = 0;
	ssize_t n = fd_receive_from(x->number, x->report, message, sizeof(message), NULL, &no_fds);
	struct err none = { 0 };

	if (n > 0 && report_check(message, (size_t)n, 0, &r, &none) == 0 &&
	    r.kind == POOL_REPORT_FAILED)
		(void)str_format(out, REASON_MAX, "%.*s", REASON_MAX - 1, r.text);
}

static void on_end(void *owner, uint32_t events)
{
	struct exec *x = owner;
	struct pools *ps = x->execs->pools;
	struct pool *p = pools_find(ps, x->number);
	struct wire_exec_end end = { 0 };
	struct spawn_end how;
	char words[SPAWN_END_TEXT];

	(void)events;
	spawn_reap(x->pidfd, &how);
	spawn_end_text(&how, words);
	end.status = how.is_signal ? 128 + how.status : how.status;
	end.is_late = x->is_late;
	take_report(x, end.text);
	log_event(EXEC_END, "tenant=%u generation=%u how='it %s%s'", x->number, x->generation,
		  words, x->is_late ? "; its time was over" :
		  x->is_forbidden ? "; programs are not allowed any more" : "");
	/* Nobody hears it where the caller has gone. */
	(void)fd_send(x->channel, &end, sizeof(end), NULL, 0);
	let_go(x);
	/* Its group is a leftover now. */
	if (p)
		p->is_dirty = true;
	pools_settle(ps);
}

static void on_channel(void *owner, uint32_t events)
{
	struct exec *x = owner;

	(void)events;		/* nothing is to be said on it: whatever comes is the end */
	loop_watch_stop(loop_of(x), &x->channel_watch);
	kill_it(x);
}

static void on_deadline(void *owner)
{
	struct exec *x = owner;

	x->is_late = true;
	kill_it(x);
}

static int start_process(struct exec *x, struct ends *e, struct err *err)
{
	struct place *place = x->execs->pools->place;
	int fds[] = { e->in, e->spec, e->report, e->out, e->go,
		      place->null, place->null };	/* it has no further logs */
	struct spawn s = { .program = "tenant-jail", .fds = fds, .fd_count = ARRAY_SIZE(fds),
			   .output = e->error, .namespaces = CLONE_NEWPID, .cgroup = e->cgroup };
	pid_t pid = 0;

	if (spawn(place, &s, &pid, &x->pidfd, err) < 0)
		return -1;
	fault_point("tenantd.exec.spawned");
	/* If we die before the byte, it meets the end of the pipe; afterwards the
	 * next supervisor kills a group that no record explains. */
	if (cgroup_attach(&place->tree, x->number, x->generation, pid, err) < 0)
		return -1;
	if (fd_write_full(e->our_go, "", 1) < 0)
		return err_sys(err, "let tenant-jail go");
	fault_point("tenantd.exec.going");
	log_event(EXEC_START, "tenant=%u generation=%u pid=%d", x->number, x->generation, (int)pid);
	return 0;
}

static int watch(struct exec *x, uint32_t limit_s, struct err *err)
{
	x->end_watch = (struct loop_watch){ .fd = x->pidfd, .on_event = on_end, .owner = x };
	x->channel_watch = (struct loop_watch){ .fd = x->channel, .on_event = on_channel,
						.owner = x };
	x->deadline = (struct loop_timer){ .on_time = on_deadline, .owner = x };
	if (loop_watch_set(loop_of(x), &x->end_watch, EPOLLIN, err) < 0 ||
	    loop_watch_set(loop_of(x), &x->channel_watch, EPOLLIN | EPOLLRDHUP, err) < 0)
		return -1;
	loop_timer_set(loop_of(x), &x->deadline, (int64_t)limit_s * 1000);
	return 0;
}

/* After a failure: the process, if it is there, ends before it did anything.  That is not
 * waited for: it keeps its slot until the loop sees it. */
static void abandon(struct exec *x)
{
	struct pool *p = pools_find(x->execs->pools, x->number);
	struct spawn_end end;

	if (x->pidfd >= 0) {
		kill_it(x);
		loop_watch_stop(loop_of(x), &x->channel_watch);
		x->end_watch = (struct loop_watch){ .fd = x->pidfd, .on_event = on_end,
						    .owner = x, .is_added = x->end_watch.is_added };
		if (loop_watch_set(loop_of(x), &x->end_watch, EPOLLIN, NULL) == 0)
			return;
		spawn_reap(x->pidfd, &end);
	}
	let_go(x);
	if (p)
		p->is_dirty = true;
	pools_settle(x->execs->pools);
}

static struct exec *take_slot(struct execs *es, uint32_t number, struct err *err)
{
	struct exec *empty = NULL;
	int own = 0;

	for (size_t i = 0; i < EXECS_MAX; i++) {
		own += es->slot[i].number == number;
		if (es->slot[i].number == 0)
			empty = &es->slot[i];
	}
	if (empty && own < EXECS_PER_TENANT)
		return empty;
	(void)err_set(err, ERR_BUSY, "%d commands run already, or %d of this site; wait until "
		      "one ends", EXECS_MAX, EXECS_PER_TENANT);
	return NULL;
}

int exec_start(struct execs *es, uint32_t number, const struct wire_exec *what,
	       int fds[EXEC_FDS], struct err *err)
{
	struct ends e = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, { -1, -1, -1, -1 } };
	static struct jail_spec spec;
	struct pool *p = pools_find(es->pools, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	struct exec *x = take_slot(es, number, err);

	if (!x || make_spec(p, what, &spec, err) < 0)
		return -1;
	*x = (struct exec){ .execs = es, .number = number, .generation = ++p->last_generation,
			    .pidfd = -1, .report = -1, .channel = -1 };
	/* The record keeps the number of the generation from being given out twice. */
	int rc = pool_store(p, err);

	if (rc == 0)
		rc = open_ends(x, &spec, &e, err);
	if (rc == 0)
		rc = start_process(x, &e, err);
	if (rc == 0) {
		x->report = fd_take(&e.our_report);
		x->channel = fd_take(&e.channel);
		rc = watch(x, what->limit_s, err);
	}
	if (rc < 0)
		abandon(x);
	for (size_t i = 0; rc == 0 && i < EXEC_FDS; i++)
		fds[i] = fd_take(&e.callers[i]);
	close_ends(&e);
	return rc;
}

void exec_forbid(struct execs *es, uint32_t number)
{
	for (size_t i = 0; es && i < EXECS_MAX; i++)
		if (es->slot[i].number == number) {
			es->slot[i].is_forbidden = true;
			kill_it(&es->slot[i]);
		}
}

bool exec_is_living(const struct execs *es, uint32_t number, uint32_t generation)
{
	for (size_t i = 0; es && i < EXECS_MAX; i++)
		if (es->slot[i].number == number &&
		    (generation == 0 || es->slot[i].generation == generation))
			return true;
	return false;
}

void execs_init(struct execs *es, struct pools *pools)
{
	*es = (struct execs){ .pools = pools };
	for (size_t i = 0; i < EXECS_MAX; i++)
		es->slot[i].execs = es;
	pools->execs = es;
}
