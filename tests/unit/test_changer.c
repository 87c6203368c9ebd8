/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the thread of the changes does between requests, and before one: with a clock of the
 * test's own, and changes, database and root side that are only counted.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/loop.h"
#include "daemon/control/change.h"
#include "daemon/control/changer.h"
#include "daemon/control/reconcile.h"

#define DAY_MS (24 * 3600 * 1000)
#define STEP_MS 10		/* that a change takes, by the clock here */
#define SITES 16		/* more than hands: some always wait */
#define PATIENCE_S 20

/* ---- what the changer meets ---- */

static atomic_llong now_ms;
static atomic_bool has_supervisor;
static atomic_uint trims, changes;
static atomic_ullong rows_now, rows_trimmed;
static int peer = -1;				/* the supervisor's end of the link */
static void (*at_change)(struct work *w);

int64_t loop_now_ms(void)
{
	return now_ms;
}

void settings_now_get(struct settings_now *n, struct settings *out)
{
	(void)n;
	out->audit_rows = rows_now;
}

int work_connect(struct work *w, struct err *err)
{
	int pair[2];

	if (link_is_open(&w->link))
		return 0;
	if (!has_supervisor)
		return err_set(err, ERR_SYSTEM, "there is none");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	w->link.fd = pair[0];
	peer = pair[1];
	return 0;
}

int link_call(struct link *l, uint16_t verb, uint32_t number, const void *payload, size_t size,
	      link_step *each, void *ctx, struct err *err)
{
	(void)l;
	(void)verb;
	(void)number;
	(void)payload;
	(void)size;
	(void)each;
	(void)ctx;
	(void)err;
	return 0;
}

void link_init(struct link *l, int quick_ms, int build_ms)
{
	*l = (struct link){ .fd = -1, .quick_ms = quick_ms, .build_ms = build_ms };
}

void link_close(struct link *l)
{
	fd_close(&l->fd);
}

bool link_is_open(const struct link *l)
{
	return l->fd >= 0;
}

int reconcile_plan(struct reconcile *r, struct work *w, struct err *err)
{
	(void)r;
	(void)w;
	(void)err;
	return 0;
}

int reconcile_step(struct reconcile *r, struct work *w, struct err *err)
{
	(void)r;
	(void)w;
	(void)err;
	return 0;
}

void reconcile_free(struct reconcile *r)
{
	(void)r;
}

void store_close(struct store *s)
{
	(void)s;
}

int store_audit_trim(struct store *s, uint64_t rows, struct err *err)
{
	(void)s;
	(void)err;
	rows_trimmed = rows;
	trims++;
	return 0;
}

bool change_is_of_one_site(const struct change *c)
{
	return c->command != COMMAND_EXEC;
}

void change_run(struct work *w, const struct change *c, struct answer *out)
{
	(void)c;
	(void)out;
	now_ms += STEP_MS;
	changes++;
	if (at_change)
		at_change(w);
}

/* ---- the tests ---- */

static struct changer *changer;
static atomic_bool is_again;			/* a change that is done is asked for anew */

static void done(struct changer_job *job)
{
	struct err err = { 0 };

	free(job->answer.body);
	job->answer = (struct answer){ 0 };
	if (is_again && changer_submit(job->owner, job, &err) < 0)
		is_again = false;		/* it is ending */
}

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	now_ms = 1;
	trims = changes = 0;
	rows_now = 1000;
	has_supervisor = is_again = false;
	at_change = NULL;
	return changer_start(NULL, NULL, &changer, &err);
}

static int tear_down(void **state)
{
	(void)state;
	is_again = false;
	changer_stop(changer);
	fd_close(&peer);
	return 0;
}

static void wait_for(const atomic_uint *count, unsigned wanted)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	const time_t until = time(NULL) + PATIENCE_S;

	while (*count < wanted && time(NULL) < until)
		(void)nanosleep(&moment, NULL);
	if (*count < wanted)
		fail_msg("%u, not %u", *count, wanted);
}

static void submit(struct changer_job *job, enum command_id command, unsigned site)
{
	struct err err = { 0 };

	job->change.command = command;
	(void)snprintf(job->change.site, sizeof(job->change.site), "s%u.example", site);
	job->done = done;
	job->owner = changer;
	assert_int_equal(changer_submit(changer, job, &err), 0);
}

/* Whoever asks without end keeps nothing that is due from its turn. */
static void test_steady_changes(void **state)
{
	static struct changer_job jobs[SITES];

	(void)state;
	is_again = true;
	for (unsigned i = 0; i < SITES; i++)
		submit(&jobs[i], COMMAND_SET, i);
	wait_for(&changes, 100);
	has_supervisor = true;			/* which is asked again before long */
	wait_for(&trims, 1);
	now_ms += DAY_MS;
	wait_for(&trims, 2);
}

/* The day's work goes by what the administrator has set since. */
static void test_daily_settings(void **state)
{
	static struct changer_job first, second;

	(void)state;
	rows_now = 2000;
	has_supervisor = true;
	now_ms += DAY_MS;
	submit(&first, COMMAND_SET, 1);		/* a hand's, which wakes the thread */
	wait_for(&trims, 1);
	assert_int_equal(rows_trimmed, 2000);
	rows_now = 3000;
	now_ms += 2 * DAY_MS;
	submit(&second, COMMAND_SET, 1);
	wait_for(&trims, 2);
	assert_int_equal(rows_trimmed, 3000);
}

static atomic_bool is_old;			/* the link that the last change found */
static atomic_uint found;
static atomic_bool has_next;			/* the next change waits already */

/* The supervisor is replaced while a change runs. */
static void lose_supervisor(struct work *w)
{
	struct err err = { 0 };

	is_old = link_is_open(&w->link);
	found++;
	while (!has_next)
		(void)sched_yield();
	(void)work_connect(w, &err);
	fd_close(&peer);
}

/* Nobody's change meets the end of the old supervisor, in a hand as little as in the thread. */
static void test_link_of_old_supervisor(void **state)
{
	static const enum command_id commands[] = { COMMAND_SET, COMMAND_EXEC };
	static struct changer_job first[2], second[2];

	(void)state;
	has_supervisor = true;
	at_change = lose_supervisor;
	for (unsigned i = 0; i < 2; i++) {
		has_next = false;
		submit(&first[i], commands[i], 1);
		submit(&second[i], commands[i], 1);
		has_next = true;
		wait_for(&found, 2 * i + 2);
		assert_false(is_old);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_steady_changes),
		CASE(test_daily_settings),
		CASE(test_link_of_old_supervisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
