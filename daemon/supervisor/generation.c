/* SPDX-License-Identifier: Apache-2.0 */
/* Listening to a generation, ending it. */
#include "daemon/supervisor/generation.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/board.h"
#include "daemon/supervisor/net_link.h"
#include "daemon/supervisor/pool.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/states.h"

#define DRAIN_GRACE_MS 5000	/* on top of the longest request */
#define ASK_AGAIN_MS 1000

static struct loop *loop_of(struct generation *g)
{
	return &g->pool->pools->place->loop;
}

void generation_stop_listening(struct generation *g)
{
	loop_watch_stop(loop_of(g), &g->report_watch);
	fd_close_strange(g->pool->number, &g->report);
}

static void take_board(struct generation *g, int *fd)
{
	if (g->board < 0 && board_is_one(*fd))
		g->board = fd_take(fd);
	else
		fd_close_strange(g->pool->number, fd);
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
		board_note_queue(g->pool);
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
		int fd = -1;
		size_t fds = 1;
		ssize_t n = fd_receive_from(g->pool->number, g->report, message, sizeof(message),
					    &fd, &fds);

		if (fd >= 0)
			take_board(g, &fd);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (n < 0)
				log_event(PEER_REFUSED, "tenant=%u generation=%u error='a report "
					  "that cannot be received: %s'", g->pool->number, g->id,
					  strerror(errno));
			generation_stop_listening(g);
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
		generation_stop_listening(g);
	}
}

static void on_report(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

static void describe_end(struct generation *g, const struct spawn_end *end,
			 struct generation_end *out)
{
	char how[SPAWN_END_TEXT];
	bool is_oom = pool_oom_kills(g->pool) > g->oom_kills;
	enum board_word word = end->is_known ? BOARD_NO_WORD : board_last_word(g->board);

	spawn_end_text(end, how);
	if (word == BOARD_LEFT)
		g->is_leaving = true;
	*out = (struct generation_end){
		.was = g,
		.is_clean = !g->is_killed && (end->is_known ? !end->is_signal && end->status == 0 :
							      !is_oom && word != BOARD_RUNS),
		.was_ready = g->ready_ms != 0,
		.was_killed = g->is_killed,
		.ran_ms = g->ready_ms ? loop_now_ms() - g->ready_ms : 0,
	};
	if (g->failure[0])
		(void)str_format(out->text, sizeof(out->text), "%s", g->failure);
	else if (out->is_clean && g->is_leaving)
		(void)str_format(out->text, sizeof(out->text), "it left as asked or when idle");
	else
		(void)str_format(out->text, sizeof(out->text), "it %s%s%s%s", how,
				 word == BOARD_RUNS ? ", and it said no last word" : "",
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
	generation_stop_listening(g);
	loop_watch_stop(loop_of(g), &g->end_watch);
	loop_timer_stop(loop_of(g), &g->deadline);
	fd_close(&g->pidfd);
	fd_close(&g->board);
	net_link_drop(p->pools->net, p, g);
	g->id = 0;
	fault_point("tenantd.ended");
	pool_on_end(p, &end);
}

/* As pid 1 of its namespace it ignores what it does not catch yet, so one that
 * may still be starting is asked again. */
static void ask_to_leave(struct generation *g)
{
	int64_t left = g->drain_ends_ms - loop_now_ms();

	if (g->ready_ms == 0 && left > ASK_AGAIN_MS)
		left = ASK_AGAIN_MS;
	/* ESRCH: it ended. */
	(void)syscall(SYS_pidfd_send_signal, g->pidfd, SIGQUIT, NULL, 0);
	loop_timer_set(loop_of(g), &g->deadline, left);
}

static void on_deadline(void *owner)
{
	struct generation *g = owner;

	if (g->is_leaving && !g->is_killed && loop_now_ms() < g->drain_ends_ms)
		ask_to_leave(g);
	else if (!mutant_is_off("drain-limit"))
		pool_on_late(g->pool, g);
}

struct generation *generation_slot(struct pool *p, size_t first, struct err *err)
{
	for (size_t i = first; i < ARRAY_SIZE(p->slot); i++) {
		struct generation *g = &p->slot[i];

		if (g->id != 0)
			continue;
		*g = (struct generation){ .pool = p, .pidfd = -1, .report = -1, .board = -1,
					  .workers = -1, .active = -1, .link = LINK_OFF };
		g->end_watch = (struct loop_watch){ .fd = -1, .on_event = on_end, .owner = g };
		g->report_watch = (struct loop_watch){ .fd = -1, .on_event = on_report,
						       .owner = g };
		g->deadline = (struct loop_timer){ .on_time = on_deadline, .owner = g };
		return g;
	}
	(void)err_set(err, ERR_BUSY, "%d generations are still ending", POOL_GENERATIONS);
	return NULL;
}

int generation_watch(struct generation *g, struct err *err)
{
	g->end_watch.fd = g->pidfd;
	g->report_watch.fd = g->report;
	if (loop_watch_set(loop_of(g), &g->end_watch, EPOLLIN, err) < 0)
		return -1;
	return g->report < 0 ? 0 : loop_watch_set(loop_of(g), &g->report_watch, EPOLLIN, err);
}

void generation_drain(struct generation *g)
{
	g->is_leaving = true;
	g->drain_ends_ms = loop_now_ms() + (int64_t)g->drain_s * 1000 + DRAIN_GRACE_MS;
	ask_to_leave(g);
}

void generation_kill(struct generation *g)
{
	struct err err = { 0 };

	g->is_killed = true;
	/* Pid 1 takes its namespace along; the group holds whatever else.  ESRCH: it
	 * ended. */
	(void)syscall(SYS_pidfd_send_signal, g->pidfd, SIGKILL, NULL, 0);
	if (cgroup_kill(&g->pool->pools->place->tree, g->pool->number, g->id, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u generation=%u error='%s'", g->pool->number,
			  g->id, err.text);
}
