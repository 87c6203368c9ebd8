/* SPDX-License-Identifier: Apache-2.0 */
/* The workers' shared lines, and the budget of their deaths. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "pool/budget.h"
#include "pool/clock.h"
#include "pool/scoreboard.h"

static void test_turns(void **state)
{
	struct scoreboard b = { 0 };
	struct score *s = NULL;

	(void)state;
	assert_int_equal(scoreboard_make(3, &b, NULL), 0);
	assert_int_equal(sizeof(struct score) % 64, 0);
	s = &b.slot[1];
	score_assign(s, 10);
	assert_true(score_is_busy(atomic_load(&s->turn)));
	score_end(s, 20);
	score_end(s, 25);	/* once is enough */
	assert_false(score_is_busy(atomic_load(&s->turn)));
	assert_int_equal(atomic_load(&s->since), 20);
	score_begin(s, 30);
	score_begin(s, 35);
	assert_true(score_is_busy(atomic_load(&s->turn)));
	assert_int_equal(atomic_load(&s->since), 30);
	assert_int_equal(atomic_load(&b.slot[0].turn), 0);
	score_release(s);
	assert_false(score_is_busy(atomic_load(&s->turn)));
}

static void test_lines_are_shared_and_the_rest_is_not(void **state)
{
	struct scoreboard b = { 0 };
	pid_t pid = 0;
	int status = 0;

	(void)state;
	assert_int_equal(scoreboard_make(2, &b, NULL), 0);
	pid = fork();
	if (pid == 0) {
		score_assign(&b.slot[1], 7);
		b.slots = 1000000;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(atomic_load(&b.slot[1].since), 7);
	assert_int_equal(b.slots, 2);
}

static void test_budget(void **state)
{
	struct budget b;
	uint64_t now = 1000;

	(void)state;
	budget_init(&b, 3, 100, now);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(budget_wait(&b, now), 0);
		budget_spend(&b, now);
	}
	assert_int_equal(budget_wait(&b, now), 100);
	assert_int_equal(budget_wait(&b, now + 60), 40);
	assert_int_equal(budget_wait(&b, now + 100), 0);
	budget_spend(&b, now + 100);
	assert_int_equal(budget_wait(&b, now + 100), 100);
	budget_spend(&b, now + 100);	/* more than may happen is owed */
	assert_int_equal(budget_wait(&b, now + 200), 100);
	for (int i = 0; i < 50; i++)
		budget_spend(&b, now + 200);
	assert_true(budget_wait(&b, now + 200) <= 400);	/* but not for ever */
	assert_int_equal(budget_wait(&b, now + 100000), 0);
	for (int i = 0; i < 3; i++)
		budget_spend(&b, now + 100000);
	assert_int_equal(budget_wait(&b, now + 100000), 100);
	assert_int_equal(budget_wait(&b, now), 100100);	/* a clock read late */
}

static void test_clock(void **state)
{
	uint64_t first = clock_ms();

	(void)state;
	assert_int_equal(clock_passed(first + 5, first), 5);
	assert_int_equal(clock_passed(first, first + 5), 0);
	assert_true(clock_ms() >= first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_lines_are_shared_and_the_rest_is_not),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
