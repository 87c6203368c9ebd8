/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a tenant: each allowed move, and that nothing else is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/life.h"

#define N TENANT_NONE
#define B TENANT_BUILDING
#define L TENANT_LIVE
#define S TENANT_SUSPENDED
#define F TENANT_FAILED
#define R TENANT_REMOVING
#define X (-1)		/* refused */

/* The rules once more, by event, so that a changed rule is a changed line here. */
static const int wanted[TENANT_STATES][LIFE_EVENTS] = {
	/*     add rest set susp resu remo appl halt erred gone */
	[N] = { B,  B,  X,  X,   X,   X,   X,   X,   X,    X },
	[B] = { B,  X,  X,  X,   X,   R,   L,   S,   F,    N },
	[L] = { X,  X,  L,  S,   L,   R,   L,   X,   F,    X },
	[S] = { X,  X,  S,  S,   L,   R,   X,   S,   F,    X },
	[F] = { B,  X,  F,  S,   L,   R,   L,   S,   F,    N },
	[R] = { X,  X,  X,  X,   X,   R,   X,   X,   R,    N },
};

static void test_moves(void **state)
{
	(void)state;
	for (int from = 0; from < TENANT_STATES; from++)
		for (int event = 0; event < LIFE_EVENTS; event++) {
			struct err err = { 0 };
			int to = X;
			int rc = life_step(from, (enum life_event)event, "a.example", &to, &err);

			if (to != wanted[from][event] || (rc == 0) != (to != X))
				fail_msg("%s in '%s' leads to %d, not %d",
					 life_event_word((enum life_event)event),
					 tenant_state_word(from), to, wanted[from][event]);
			if (rc < 0)
				assert_int_equal(err.code,
						 from == N ? ERR_UNKNOWN_SITE : ERR_CONFLICT);
		}
}

static void test_refusals(void **state)
{
	(void)state;
	struct err err = { 0 };
	int to = 77;

	assert_int_equal(life_step(L, LIFE_ADD, "a.example", &to, &err), -1);
	assert_non_null(strstr(err.text, "'a.example' exists and is live"));
	assert_int_equal(to, 77);
	assert_int_equal(life_step(99, LIFE_ADD, "a.example", &to, &err), -1);
	assert_int_equal(life_step(-1, LIFE_ADD, "a.example", &to, &err), -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
