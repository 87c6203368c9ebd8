/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a tenant over those of its plan: whole ones, and entries one by one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/tenant.h"

static void set(struct overrides *o, const char *name, const char *value)
{
	struct err err = { 0 };

	if (overrides_set(o, name, value, &err) < 0)
		fail_msg("%s=%s: %s", name, value, err.text);
}

static void test_entries_of_plan_and_tenant(void **state)
{
	(void)state;
	static struct overrides plan, own;
	struct options o;
	struct err err = { 0 };

	set(&plan, "env.A", "plan");
	set(&plan, "env.B", "plan");
	set(&plan, "disable_functions", "exec");
	set(&own, "env.B", "own");
	set(&own, "env.C", "own");
	set(&own, "disable_functions", "system");
	assert_int_equal(overrides_resolve(&plan, &own, &o, &err), 0);
	assert_string_equal(o.env, "A=plan\nB=own\nC=own\n");
	assert_string_equal(o.disable_functions, "system");
}

static void test_change(void **state)
{
	(void)state;
	static struct overrides o, more, less;
	struct err err = { 0 };

	set(&o, "env.A", "1");
	set(&o, "env.B", "2");
	set(&o, "memory_max", "1G");
	set(&o, "php_value.precision", "5");
	set(&more, "env.B", "3");
	set(&more, "env.D", "4");
	set(&less, "env.A", "");
	set(&less, "env.Z", "");
	set(&less, "php_value.precision", "");
	less.of[OPT_memory_max].is_set = true;
	assert_int_equal(overrides_change(&o, &more, &less, &err), 0);
	assert_string_equal(o.of[OPT_env].text, "B=3\nD=4\n");
	assert_false(o.of[OPT_memory_max].is_set);
	assert_false(o.of[OPT_php_value].is_set);
	/* a name without an entry takes all of them out */
	memset(&less, 0, sizeof(less));
	memset(&more, 0, sizeof(more));
	less.of[OPT_env].is_set = true;
	assert_int_equal(overrides_change(&o, &more, &less, &err), 0);
	assert_false(o.of[OPT_env].is_set);
}

static void test_too_much_together(void **state)
{
	(void)state;
	static struct overrides o, more, none;
	struct err err = { 0 };
	char value[1100];

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	set(&o, "env.A", value);
	set(&more, "env.B", value);
	assert_int_equal(overrides_change(&o, &more, &none, &err), -1);
	assert_int_equal(err.code, ERR_BAD_OPTION);
	assert_int_equal(overrides_set(&o, "env.B", value, &err), -1);
	assert_int_equal(overrides_unset(&o, "no_such", &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_of_plan_and_tenant),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_too_much_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
