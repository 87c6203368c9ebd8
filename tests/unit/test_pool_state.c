/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's life as a table, against tests/golden/pool_states.txt, which
 * GOLDEN_REWRITE=1 in the environment writes anew; waits after
 * failures; reports of pools that lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/pool_state.h"
#include "daemon/supervisor/report.h"
#include "schema/errors.h"

#define GOLDEN "tests/golden/pool_states.txt"

static void print_table(struct text *out)
{
	text_add(out, "# The life of a pool: state, event, next state, what is done.  An event\n"
		 "# that is not listed is refused and logged.\n");
	for (int from = POOL_COLD; from < POOL_STATES; from++) {
		for (int when = 0; when < POOL_EVENTS; when++) {
			struct pool_move m = pool_state_move((enum pool_state)from,
							     (enum pool_event)when);

			if (m.action != DO_REFUSE)
				text_add(out, "%-9s %-11s %-9s %s\n", pool_state_word(from),
					 pool_event_word((enum pool_event)when),
					 pool_state_word((int)m.to), pool_action_word(m.action));
		}
	}
}

static void test_golden(void **state)
{
	(void)state;
	struct text now = { 0 };
	static char then[16384];

	print_table(&now);
	assert_false(now.failed);
	if (getenv("GOLDEN_REWRITE")) {
		FILE *f = fopen(GOLDEN, "w");

		assert_non_null(f);
		assert_true(fputs(now.data, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	FILE *f = fopen(GOLDEN, "r");

	assert_non_null(f);
	size_t n = fread(then, 1, sizeof(then) - 1, f);

	(void)fclose(f);
	then[n] = '\0';
	assert_string_equal(now.data, then);
	text_free(&now);
}

/* Whatever happened, an operator can stop a pool, and every state is left. */
static void test_no_dead_ends(void **state)
{
	(void)state;
	for (int from = POOL_COLD; from < POOL_STATES; from++) {
		struct pool_move stop = pool_state_move((enum pool_state)from, WHEN_STOP);
		int ways_out = 0;

		assert_int_equal(stop.action, DO_STOP);
		assert_int_equal(stop.to, POOL_COLD);
		for (int when = 0; when < POOL_EVENTS; when++) {
			struct pool_move m = pool_state_move((enum pool_state)from,
							     (enum pool_event)when);

			ways_out += m.action != DO_REFUSE && m.to != (enum pool_state)from;
		}
		assert_true(ways_out > 0);
	}
}

static void test_backoff(void **state)
{
	(void)state;
	static const int64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	struct backoff b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(backoff_next(&b, 0), want[i]);
	assert_int_equal(backoff_next(&b, BACKOFF_MAX_MS), 60000);
	assert_int_equal(backoff_next(&b, BACKOFF_MAX_MS + 1), 1000);
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, 0), 1000);
}

static void test_report_lies(void **state)
{
	(void)state;
	struct pool_report r = { .kind = POOL_REPORT_NUMBERS, .workers = 3, .active = -7 };
	struct pool_report out = { 0 };
	struct err err = { 0 };

	assert_int_equal(report_check(&r, sizeof(r) - 1, 5, &out, &err), -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
	assert_int_equal(report_check(&r, sizeof(r) + 1, 5, &out, &err), -1);
	assert_int_equal(report_check(&r, 0, 5, &out, &err), -1);
	r.kind = 0;
	assert_int_equal(report_check(&r, sizeof(r), 5, &out, &err), -1);
	r.kind = POOL_REPORT_NUMBERS + 1;
	assert_int_equal(report_check(&r, sizeof(r), 5, &out, &err), -1);

	r.kind = POOL_REPORT_NUMBERS;
	r.workers = 6;
	assert_int_equal(report_check(&r, sizeof(r), 5, &out, &err), 0);
	assert_int_equal(out.workers, -1);
	assert_int_equal(out.active, -1);
	r.workers = 5;
	assert_int_equal(report_check(&r, sizeof(r), 5, &out, &err), 0);
	assert_int_equal(out.workers, 5);

	/* No end, an escape sequence, a quote that would end a log field. */
	memset(r.text, 'a', sizeof(r.text));
	memcpy(r.text, "\033[2J'\n\200", 7);
	r.kind = POOL_REPORT_FAILED;
	assert_int_equal(report_check(&r, sizeof(r), 5, &out, &err), 0);
	assert_int_equal(strlen(out.text), REPORT_TEXT_MAX - 1);
	assert_memory_equal(out.text, "?[2J\"??aaa", 10);
}

static void test_report_gate(void **state)
{
	(void)state;
	struct report_gate g = { 0 };
	int64_t now = 1000;

	for (int i = 0; i < REPORT_BURST; i++)
		assert_int_equal(report_gate_pass(&g, now), 0);
	assert_int_equal(report_gate_pass(&g, now), -1);
	/* One a second, as pools send their numbers, goes on for ever. */
	g = (struct report_gate){ 0 };
	for (int i = 0; i < 10000; i++)
		assert_int_equal(report_gate_pass(&g, now += 1000), 0);
	/* Twice the rate does not. */
	int passed = 0;

	for (int i = 0; i < 1000; i++)
		passed += report_gate_pass(&g, now += 1000 / (2 * REPORT_PER_S)) == 0;
	assert_true(passed < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),      cmocka_unit_test(test_no_dead_ends),
		cmocka_unit_test(test_backoff),     cmocka_unit_test(test_report_lies),
		cmocka_unit_test(test_report_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
