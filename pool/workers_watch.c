/* SPDX-License-Identifier: Apache-2.0 */
/* What the master sees of its workers, asks of them, and does about it. */
#include "pool/workers.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool/clock.h"
#include "pool/errlog.h"

#define TERM_TO_KILL_MS 1500
#define SILENCE_MS 5000		/* beyond request_terminate_timeout */

static uint64_t request_limit(const struct workers *w)
{
	return w->pool->spec->options.request_terminate_timeout * 1000;
}

void workers_tell(struct workers *w, struct worker_row *row, uint64_t now)
{
	if (row->is_told)
		return;
	row->is_told = true;
	/* It may serve the queue for half of that time, and then a last request. */
	row->must_by = now + request_limit(w) * 3 / 2 + SILENCE_MS;
	(void)shutdown(row->link, SHUT_WR);
}

static void look(struct workers *w, struct worker_row *row, uint64_t now)
{
	const struct score *s = &w->board->slot[row - w->row];
	uint32_t turn = atomic_load(&s->turn);
	uint64_t since = atomic_load(&s->since);

	if (turn == row->turn)
		return;
	row->turn = turn;
	if (row->busy_since)
		w->busy--;
	row->busy_since = 0;
	row->is_slow = false;
	row->idle_since = now;
	if (!score_is_busy(turn))
		return;
	w->busy++;
	/* The master looks at least once a second: a start long ago is a lie. */
	row->busy_since = since <= now && clock_passed(now, since) < 2000 ? since : now;
}

static void end_late(struct workers *w, struct worker_row *row, uint64_t now)
{
	uint64_t limit = request_limit(w);

	if (!row->busy_since || clock_passed(now, row->busy_since) < limit)
		return;
	if (!row->asked) {
		row->asked = now;
		errlog_print("worker %d: the request runs longer than request_terminate_timeout "
			     "(%llu s) and is ended",
			     (int)row->pid, (unsigned long long)(limit / 1000));
		(void)kill(row->pid, SIGTERM);
	} else if (clock_passed(now, row->asked) >= TERM_TO_KILL_MS) {
		(void)kill(row->pid, SIGKILL);
	}
}

static void tell_slow(struct workers *w, struct worker_row *row, uint64_t now)
{
	uint64_t limit = w->pool->spec->options.request_slowlog_timeout * 1000;
	struct score *s = &w->board->slot[row - w->row];

	if (limit == 0 || !row->busy_since || row->is_slow || row->turn == WORKER_STARTING ||
	    clock_passed(now, row->busy_since) < limit)
		return;
	row->is_slow = true;
	w->slow++;
	atomic_fetch_add(&s->slow, 1);
	(void)syscall(SYS_futex, &s->slow, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Asks, hears, and kills those who neither answered nor left in time. */
static void question(struct workers *w, struct worker_row *row, uint64_t now)
{
	char answers[64];

	if (row->must_by == 0) {
		if (clock_passed(now, row->heard) < request_limit(w))
			return;
		row->must_by = now + request_limit(w) + SILENCE_MS;
		(void)send(row->link, "?", 1, MSG_NOSIGNAL);	/* no answer is an answer */
		return;
	}
	if (!row->is_told && recv(row->link, answers, sizeof(answers), 0) > 0) {
		row->heard = now;
		row->must_by = 0;
	} else if (now >= row->must_by) {
		row->asked = row->asked ? row->asked : now;
		errlog_print("worker %d does not %s and is killed", (int)row->pid,
			     row->is_told ? "leave" : "answer");
		row->must_by = now + SILENCE_MS;
		(void)kill(row->pid, SIGKILL);
	}
}

void workers_watch(struct workers *w, uint64_t now)
{
	for (uint32_t i = 0; i < w->max; i++) {
		if (w->row[i].pid == 0)
			continue;
		look(w, &w->row[i], now);
		end_late(w, &w->row[i], now);
		tell_slow(w, &w->row[i], now);
		question(w, &w->row[i], now);
	}
}

void workers_spare(struct workers *w, uint64_t now)
{
	struct worker_row *longest = NULL;

	for (uint32_t i = 0; i < w->max; i++) {
		struct worker_row *row = &w->row[i];

		if (row->pid == 0 || row->busy_since || row->is_told)
			continue;
		if (!longest || row->idle_since < longest->idle_since)
			longest = row;
	}
	if (longest)
		workers_tell(w, longest, now);
}

void workers_retire(struct workers *w, uint64_t now)
{
	struct worker_row *oldest = NULL;

	for (uint32_t i = 0; i < w->max; i++) {
		struct worker_row *row = &w->row[i];

		if (row->pid != 0 && !row->is_told && (!oldest || row->born < oldest->born))
			oldest = row;
	}
	if (oldest && clock_passed(now, oldest->born) >=
		      w->pool->spec->options.process_max_age * 1000)
		workers_tell(w, oldest, now);
}

uint32_t workers_idle(const struct workers *w)
{
	uint32_t idle = 0;

	for (uint32_t i = 0; i < w->max; i++) {
		const struct worker_row *row = &w->row[i];

		if (row->pid != 0 && !row->is_told &&
		    (!row->busy_since || row->turn == WORKER_STARTING))
			idle++;
	}
	return idle;
}

uint64_t workers_turns(const struct workers *w)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < w->max; i++)
		sum += w->row[i].pid ? w->row[i].turn + w->row[i].born : 0;
	return sum;
}

bool workers_are_starting(const struct workers *w)
{
	for (uint32_t i = 0; i < w->max; i++)
		if (w->row[i].pid != 0 && w->row[i].turn == WORKER_STARTING)
			return true;
	return false;
}

void workers_stop(struct workers *w)
{
	uint64_t now = clock_ms();

	w->is_stopping = true;
	for (uint32_t i = 0; i < w->max; i++)
		if (w->row[i].pid != 0)
			workers_tell(w, &w->row[i], now);
}

void workers_kill(struct workers *w, bool busy_too)
{
	for (uint32_t i = 0; i < w->max; i++) {
		struct worker_row *row = &w->row[i];

		if (row->pid == 0 || (row->busy_since && !busy_too))
			continue;
		row->asked = row->asked ? row->asked : clock_ms();
		(void)kill(row->pid, SIGKILL);
	}
}
