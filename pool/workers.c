/* SPDX-License-Identifier: Apache-2.0 */
/* The children of a pool's master. */
#include "pool/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "pool/clock.h"
#include "pool/errlog.h"
#include "pool/late.h"
#include "pool/worker.h"

#define CRASH_INTERVAL_MS 250

int workers_init(struct workers *w, const struct runtime_pool *pool, struct scoreboard *board,
		 int signals, struct err *err)
{
	uint32_t max = (uint32_t)pool->spec->options.max_children;

	*w = (struct workers){ .pool = pool, .board = board, .max = max, .signals = signals };
	budget_init(&w->crashes, (int32_t)(2 * max + 8), CRASH_INTERVAL_MS, clock_ms());
	w->row = calloc(max, sizeof(*w->row));
	if (!w->row)
		return err_sys(err, "make a table of %u workers", max);
	return 0;
}

uint64_t workers_fork_wait(struct workers *w, uint64_t now)
{
	return budget_wait(&w->crashes, now);
}

static struct worker_row *free_row(struct workers *w)
{
	for (uint32_t i = 0; i < w->max; i++)
		if (w->row[i].pid == 0)
			return &w->row[i];
	return NULL;
}

/* In a child: the links of others too, in whose place it could answer or leave. */
static void close_masters(const struct workers *w)
{
	for (uint32_t i = 0; i < w->max; i++)
		if (w->row[i].pid != 0)
			(void)close(w->row[i].link);
	if (w->turnstile && w->turnstile_link >= 0)
		(void)close(w->turnstile_link);
	(void)close(w->signals);
}

static _Noreturn void become_worker(struct workers *w, struct score *score, int link)
{
	const struct worker_start start = { .pool = w->pool, .score = score, .link = link };

	close_masters(w);
	worker_run(&start);
}

int workers_fork(struct workers *w, uint64_t now)
{
	struct worker_row *row = free_row(w);
	struct score *score = NULL;
	int link[2] = { -1, -1 };
	pid_t pid = -1;

	if (!row || workers_fork_wait(w, now) > 0)
		return -1;
	score = &w->board->slot[row - w->row];
	score_assign(score, now);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link) == 0)
		pid = fork();
	if (pid == 0) {
		(void)close(link[0]);
		become_worker(w, score, link[1]);
	}
	if (pid < 0) {
		score_release(score);
		budget_spend(&w->crashes, now);
		errlog_print("the pool cannot start a worker: %s", strerror(errno));
		fd_close(&link[0]);
		fd_close(&link[1]);
		return -1;
	}
	(void)close(link[1]);
	*row = (struct worker_row){ .pid = pid, .link = link[0], .turn = WORKER_STARTING,
				    .busy_since = now, .born = now, .heard = now };
	w->count++;
	w->busy++;
	if (w->is_stopping)
		workers_tell(w, row, now);
	return 0;
}

void workers_turnstile(struct workers *w, bool is_wanted)
{
	int link[2] = { -1, -1 };

	if (w->turnstile && !is_wanted && w->turnstile_link >= 0)
		fd_close(&w->turnstile_link);	/* it sees the end and goes */
	if (w->turnstile || !is_wanted ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link) < 0)
		return;
	w->turnstile = fork();
	if (w->turnstile == 0) {
		close_masters(w);
		(void)close(link[0]);
		worker_part_from_master();
		late_turnstile(w->pool, link[1]);
	}
	(void)close(link[1]);
	if (w->turnstile < 0) {		/* no process is free: visitors wait on */
		w->turnstile = 0;
		(void)close(link[0]);
		return;
	}
	w->turnstile_link = link[0];
}

static void note_end(struct workers *w, const struct worker_row *row, int status, uint64_t now)
{
	bool was_told = row->asked > 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_LEFT)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_LISTENER)
		return;
	if (was_told)
		return;
	budget_spend(&w->crashes, now);
	if (WIFSIGNALED(status))
		errlog_print("worker %d died of signal %d (%s)%s", (int)row->pid,
			     WTERMSIG(status), strsignal(WTERMSIG(status)),
			     score_is_busy(row->turn) ? " in a request" : "");
	else
		errlog_print("worker %d exited with status %d", (int)row->pid,
			     WEXITSTATUS(status));
}

static struct worker_row *row_of(struct workers *w, pid_t pid)
{
	for (uint32_t i = 0; i < w->max; i++)
		if (w->row[i].pid == pid)
			return &w->row[i];
	return NULL;
}

/* What a worker forked and left behind is now a child of ours (pid 1 of the
 * jail, or a subreaper).  It ends with the worker.  Its own children come to us
 * in turn, with another SIGCHLD. */
static void end_orphans(struct workers *w)
{
	char line[4096];
	char *at = line;
	ssize_t n = 0;

	if (mutant_is_off("orphans"))
		return;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;	/* no such file in this kernel: they end with the pool */
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	for (;;) {
		char *end = NULL;
		long pid = strtol(at, &end, 10);

		/* The last number may be cut where the buffer ends. */
		if (end == at || (*end == '\0' && n == (ssize_t)sizeof(line) - 1))
			return;
		if (!row_of(w, (pid_t)pid) && (pid_t)pid != w->turnstile)
			(void)kill((pid_t)pid, SIGKILL);
		at = end;
	}
}

bool workers_reap(struct workers *w, uint64_t now)
{
	bool is_damaged = false;
	bool any = false;
	int status = 0;
	pid_t pid = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct worker_row *row = row_of(w, pid);

		any = true;
		if (pid == w->turnstile) {
			w->turnstile = 0;
			if (w->turnstile_link >= 0)
				fd_close(&w->turnstile_link);
		}
		if (!row)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_LISTENER)
			is_damaged = true;
		row->turn = atomic_load(&w->board->slot[row - w->row].turn);
		note_end(w, row, status, now);
		score_release(&w->board->slot[row - w->row]);
		if (row->busy_since)
			w->busy--;
		w->count--;
		(void)close(row->link);
		*row = (struct worker_row){ 0 };
	}
	if (any)
		end_orphans(w);
	return is_damaged;
}
