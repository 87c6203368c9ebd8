/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a pool's master.  It never accepts: it watches the listener for
 * connections that no worker takes, its workers for requests that take too long,
 * and itself for having nothing to do.
 */
#include "pool/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "pool/clock.h"
#include "pool/errlog.h"
#include "pool/filter.h"
#include "pool/growth.h"
#include "pool/report.h"
#include "pool/workers.h"
#include "schema/errors.h"

#define TICK_MS 1000
#define TOLD_MS 1500		/* an idle worker that was told to leave may take so long */
#define DRAIN_EXTRA_MS 4000	/* beyond request_terminate_timeout */

enum phase { SERVING, LEAVING, DRAINING, DAMAGED };

struct master {
	const struct pool_spec *spec;
	struct workers workers;
	struct growth growth;
	int signals;
	enum phase phase;
	uint64_t tick_at;
	uint64_t active_at;	/* when there was last something to do */
	uint64_t told_at;	/* when workers were told to leave */
	uint64_t ends_at;	/* of every phase but SERVING */
	uint64_t window_ends;	/* until when new workers may serve the queue */
	uint32_t max_active, times_full;
	uint64_t turns;		/* of workers, at the last tick */
	uint64_t queued_since;	/* visitors wait and no worker has turned since then */
	bool was_full;		/* all workers were busy, and a visitor waited */
	struct report_numbers reported;
};

static bool listener_has(short events)
{
	struct pollfd p = { .fd = POOL_FD_LISTENER, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && p.revents & events;
}

static void enter(struct master *m, enum phase phase, uint64_t now)
{
	uint64_t limit = m->spec->options.request_terminate_timeout * 1000;

	if (m->phase == phase || m->phase == DAMAGED)
		return;
	if (m->phase == SERVING) {
		m->ends_at = now + limit + DRAIN_EXTRA_MS;
		m->window_ends = now + (limit / 2 > 3000 ? limit / 2 : 3000);
		m->told_at = now;
		workers_stop(&m->workers);
	}
	m->phase = phase;
}

static void send_numbers(struct master *m, uint64_t now)
{
	struct report_numbers n = {
		.workers = (int32_t)m->workers.count,
		.active = (int32_t)m->workers.busy,
	};

	for (uint32_t i = 0; i < m->workers.board->slots; i++)
		n.requests += atomic_load(&m->workers.board->slot[i].requests);
	if (n.workers == m->reported.workers && n.active == m->reported.active &&
	    n.requests == m->reported.requests)
		return;
	if (n.requests != m->reported.requests)
		m->active_at = now;
	m->reported = n;
	report_send(POOL_REPORT_NUMBERS, &n, NULL);
}

/* A tenant may have made the listener block, and its workers would then wait in
 * accept instead of for the next event. */
static void restore_listener(void)
{
	int flags = fcntl(POOL_FD_LISTENER, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK))
		(void)fcntl(POOL_FD_LISTENER, F_SETFL, flags | O_NONBLOCK);
}

/* For the status: the most at the same time, and how often that was not enough. */
static void note_most(struct master *m)
{
	struct board *b = m->workers.board->all;
	bool is_full = m->workers.busy >= m->workers.max && listener_has(POLLIN);

	if (m->workers.busy > m->max_active)
		m->max_active = m->workers.busy;
	if (is_full && !m->was_full && ++m->times_full == 1)
		errlog_print("max_children (%u) is reached and visitors wait: see tenantctl status",
			     m->workers.max);
	m->was_full = is_full;
	atomic_store(&b->max_active, m->max_active);
	atomic_store(&b->slow, m->workers.slow);
	atomic_store(&b->max_children_reached, m->times_full);
}

/* Visitors wait, no worker has been free for their deadline, and none has begun
 * or ended a request: somebody has to tell them. */
static void watch_queue(struct master *m, uint64_t now)
{
	uint64_t limit = m->spec->options.queue_timeout * 1000;
	uint64_t turns = workers_turns(&m->workers);
	bool is_stuck = m->phase == SERVING && limit > 0 &&
			m->workers.busy >= m->workers.max && turns == m->turns;

	m->turns = turns;
	if (!is_stuck || !listener_has(POLLIN))
		m->queued_since = now;
	if (!is_stuck)
		workers_turnstile(&m->workers, false);
	else if (clock_passed(now, m->queued_since) >= limit)
		workers_turnstile(&m->workers, true);
}

static void tick(struct master *m, uint64_t now)
{
	workers_watch(&m->workers, now);
	note_most(m);
	watch_queue(m, now);
	workers_retire(&m->workers, now);
	if (m->phase == SERVING)
		growth_tick(&m->growth, now);
	send_numbers(m, now);
	if (m->workers.busy > 0)
		m->active_at = now;
	restore_listener();
	if (m->phase == SERVING &&
	    clock_passed(now, m->active_at) >= m->spec->options.pool_idle_timeout * 1000 &&
	    !listener_has(POLLIN))
		enter(m, LEAVING, now);
	if (m->phase != SERVING && clock_passed(now, m->told_at) >= TOLD_MS)
		workers_kill(&m->workers, false);	/* they would have gone by now */
	if (m->phase != SERVING && now >= m->ends_at)
		workers_kill(&m->workers, true);
	m->tick_at = now + TICK_MS;
}

static bool may_fork(const struct master *m, uint64_t now)
{
	if (!growth_is_possible(&m->growth) || m->phase == DAMAGED)
		return false;
	return m->phase == SERVING || now < m->window_ends;
}

static int wait_ms(struct master *m, bool looks, uint64_t now)
{
	uint64_t until = m->tick_at;
	uint64_t pause = workers_fork_wait(&m->workers, now);

	if (looks && pause > 0 && now + pause < until)
		until = now + pause;
	else if (looks && m->growth.look_at > now && m->growth.look_at < until)
		until = m->growth.look_at;
	/* Nothing runs: only the idle timeout is left to wait for. */
	if (m->phase == SERVING && m->workers.count == 0 && until == m->tick_at) {
		uint64_t idle = m->active_at + m->spec->options.pool_idle_timeout * 1000;

		if (idle > until)
			until = idle;
	}
	return until > now ? (int)(until - now) : 0;
}

static void take_signals(struct master *m, uint64_t now)
{
	struct signalfd_siginfo s;

	while (read(m->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGQUIT || s.ssi_signo == SIGTERM)
			enter(m, DRAINING, now);
		else if (workers_reap(&m->workers, now))
			enter(m, DAMAGED, now);
	}
}

static bool is_over(const struct master *m, uint64_t now)
{
	if (m->phase == SERVING || m->workers.count > 0)
		return false;
	return m->phase == DAMAGED || now >= m->window_ends || !listener_has(POLLIN);
}

static int loop(struct master *m, struct err *err)
{
	while (!is_over(m, clock_ms())) {
		uint64_t now = clock_ms();
		bool looks = may_fork(m, now);
		/* Always in the set: whoever shuts the listener down is noticed. */
		struct pollfd p[] = {
			{ .fd = m->signals, .events = POLLIN },
			{ .fd = m->phase == DAMAGED ? -1 : POOL_FD_LISTENER, .events = POLLRDHUP },
		};

		if (looks && now >= m->growth.look_at &&
		    workers_fork_wait(&m->workers, now) == 0) {
			p[1].events |= POLLIN;
			/* What waited has been taken; what comes next waits anew. */
			if (m->growth.waiting_since && !listener_has(POLLIN))
				growth_calm(&m->growth);
		}
		if (poll(p, 2, wait_ms(m, looks, now)) < 0 && errno != EINTR)
			return err_sys(err, "wait for the listener");
		now = clock_ms();
		if (p[1].revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL))
			enter(m, DAMAGED, now);
		if (p[0].revents & POLLIN)
			take_signals(m, now);
		if (now >= m->tick_at || (m->workers.count == 0 && m->phase == SERVING))
			tick(m, now);
		if (p[1].revents & POLLIN) {
			m->active_at = now;
			growth_wait(&m->growth, now);
		} else if (p[0].revents & POLLIN && m->phase == SERVING) {
			growth_fill(&m->growth, now);
		}
	}
	if (m->phase == DAMAGED)
		return err_set(err, ERR_FAILED, "the tenant damaged the pool's listener");
	return 0;
}

/* SIGQUIT and SIGTERM drain.  Blocked and read from a descriptor: as pid 1 of a
 * namespace the default would be to ignore them, and workers unblock them. */
static int open_signals(struct err *err)
{
	sigset_t set;
	int fd = -1;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, "open a signalfd") : fd;
}

int pool_run(const struct pool_spec *spec, struct err *err)
{
	static struct scoreboard board;
	static struct runtime_pool pool;
	struct master m = { .spec = spec, .active_at = clock_ms() };

	if (scoreboard_make((uint32_t)spec->options.max_children, &board, err) < 0)
		return -1;
	/* A number of its own, by which an adopting supervisor finds it. */
	if (dup3(board.fd, POOL_FD_BOARD, O_CLOEXEC) < 0)
		return err_sys(err, "place the scoreboard");
	(void)close(board.fd);
	if (pool_settle(spec, &board, &pool, err) < 0)
		return -1;
	m.signals = open_signals(err);
	if (m.signals < 0 ||
	    workers_init(&m.workers, &pool, &board, m.signals, err) < 0)
		return err_wrap(err, "pool");
	restore_listener();
	growth_init(&m.growth, &spec->options, &m.workers);
	growth_start(&m.growth, clock_ms());
	report_ready(filter_is_given() ? NULL : "no filter for workers was given");
	if (loop(&m, err) < 0)
		return -1;
	atomic_store(&board.all->last_word, BOARD_LEFT);
	report_send(POOL_REPORT_LEAVING, NULL, m.phase == LEAVING ? "idle" : "drained");
	return 0;
}
