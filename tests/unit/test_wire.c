/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and tenants from a peer that may lie, and the names in them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/name.h"
#include "schema/wire.h"

static const char *const good_names[] = {
	"site.example", "a.b", "xn--bcher-kva.example", "1.example", "a-b.c-d.example",
	"0123456789012345678901234567890123456789012345678901234567890ab.example",
};

static const char *const bad_names[] = {
	"", "example", ".example", "a..b", "site.example.", "-a.example", "a-.example",
	"Site.example", "a_b.example", "a b.example", "../x", "*.example", "a.1", "127.0.0.1",
	"a/b.example", "a;b.example", "b\303\274cher.example", "a\n.example",
	"0123456789012345678901234567890123456789012345678901234567890abc4.example",
};

static void test_names(void **state)
{
	(void)state;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(good_names); i++)
		if (name_check(good_names[i], &err) < 0)
			fail_msg("%s: %s", good_names[i], err.text);
	for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++) {
		if (name_check(bad_names[i], &err) == 0)
			fail_msg("'%s' was accepted", bad_names[i]);
		assert_int_equal(err.code, ERR_BAD_NAME);
	}
}

static void test_long_names(void **state)
{
	(void)state;
	char name[256];
	struct err err = { 0 };

	/* 63 labels of 3 octets and a dot, then one octet: 253. */
	for (size_t i = 0; i < 252; i++)
		name[i] = i % 4 == 3 ? '.' : 'a';
	name[252] = 'b';
	name[253] = '\0';
	assert_int_equal(name_check(name, &err), 0);
	name[253] = 'b';
	name[254] = '\0';
	assert_int_equal(name_check(name, &err), -1);
	assert_non_null(strstr(err.text, "253"));
}

static struct wire_tenant valid(void)
{
	struct wire_tenant t = { 0 };

	(void)str_copy(t.site, sizeof(t.site), "site.example");
	t.alias_count = 2;
	(void)str_copy(t.alias[0], SITE_MAX, "www.site.example");
	(void)str_copy(t.alias[1], SITE_MAX, "m.site.example");
	options_default(&t.options);
	return t;
}

static void test_tenant(void **state)
{
	(void)state;
	struct err err = { 0 };
	struct wire_tenant t = valid();

	assert_int_equal(wire_tenant_check(&t, &err), 0);
	memset(t.site, 'a', sizeof(t.site));
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	t = valid();
	memset(t.reason, 'a', sizeof(t.reason));
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	t = valid();
	t.alias_count = ALIASES_MAX + 1;
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	t = valid();
	(void)str_copy(t.alias[1], SITE_MAX, "www.site.example");
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	t = valid();
	(void)str_copy(t.alias[1], SITE_MAX, "site.example");
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	t = valid();
	t.is_suspended = 7;
	assert_int_equal(wire_tenant_check(&t, &err), -1);
	t = valid();
	t.options.pids_max = 1;
	assert_int_equal(wire_tenant_check(&t, &err), -1);
}

static void test_frames(void **state)
{
	(void)state;
	struct {
		struct wire_head head;
		char payload[8];
	} frame = { 0 };
	struct err err = { 0 };

	wire_head_init(&frame.head, WIRE_STATUS, 1, 1);
	frame.head.size = 8;
	assert_int_equal(wire_check(&frame, sizeof(frame), &err), 0);
	assert_int_equal(wire_check(&frame, sizeof(frame) - 1, &err), -1);
	assert_int_equal(wire_check(&frame, sizeof(frame.head) - 1, &err), -1);
	frame.head.magic ^= 1;
	assert_int_equal(wire_check(&frame, sizeof(frame), &err), -1);
	wire_head_init(&frame.head, 999, 1, 1);
	frame.head.size = 8;
	assert_int_equal(wire_check(&frame, sizeof(frame), &err), -1);
	wire_head_init(&frame.head, WIRE_STATUS, 1, 1);
	frame.head.size = UINT32_MAX;
	assert_int_equal(wire_check(&frame, sizeof(frame), &err), -1);
}

static void test_verbs(void **state)
{
	(void)state;
	assert_string_equal(wire_verb_word(WIRE_APPLY), "apply");
	assert_null(wire_verb_word(0));
	assert_int_equal(wire_verb_size(WIRE_APPLY), sizeof(struct wire_tenant));
	assert_int_equal(wire_verb_size(999), -1);
	assert_true(wire_verb_is_build(WIRE_LEDGER));
	assert_false(wire_verb_is_build(WIRE_STATUS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_tenant),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
