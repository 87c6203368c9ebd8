/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and names of links, the settings about them, and the packet
 * filter's rules against tests/golden/net_rules.nft.  NET_GOLDEN=write in the
 * environment writes that anew; review the difference.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/net/net_rules.h"
#include "schema/errors.h"
#include "schema/net.h"

#define GOLDEN "tests/golden/net_rules.nft"

static void test_addresses(void **state)
{
	(void)state;
	struct net_range r;
	struct err err = { 0 };
	uint32_t a = 0, b = 0;
	char text[NET_ADDRESS_TEXT];

	assert_int_equal(net_range_parse("198.18.0.0/15", &r, &err), 0);
	assert_int_equal(net_address(&r, 1, 0, &a, &err), 0);
	net_address_text(a, text);
	assert_string_equal(text, "198.18.0.4");
	assert_int_equal(net_address(&r, 32767, 3, &b, &err), 0);
	net_address_text(b, text);
	assert_string_equal(text, "198.19.255.255");
	assert_int_equal(net_number(&r, a), 1);
	assert_int_equal(net_number(&r, b), 32767);
	assert_int_equal(net_number(&r, b + 1), 0);
	assert_int_equal(net_number(&r, r.first + 3), 0);	/* nobody's block */
	/* What does not fit is refused, it does not begin anew. */
	assert_int_equal(net_address(&r, 32768, 0, &a, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	assert_int_equal(net_address(&r, 0, 0, &a, &err), -1);
	assert_int_equal(net_address(&r, 1, NET_SLOTS, &a, &err), -1);
	assert_int_equal(net_address(&r, UINT32_MAX, 0, &a, &err), -1);
}

static void test_no_address_twice(void **state)
{
	(void)state;
	static unsigned char seen[1 << 16];
	struct net_range r;
	struct err err = { 0 };
	uint32_t a = 0;

	assert_int_equal(net_range_parse("10.9.0.0/16", &r, &err), 0);
	for (uint32_t n = 1; net_address(&r, n, 0, &a, &err) == 0; n++)
		for (uint32_t slot = 0; slot < NET_SLOTS; slot++) {
			assert_int_equal(net_address(&r, n, slot, &a, &err), 0);
			assert_true(a >= r.first && a - r.first < sizeof(seen));
			assert_int_equal(seen[a - r.first]++, 0);
			assert_int_equal(net_number(&r, a), n);
		}
}

static void test_names(void **state)
{
	(void)state;
	const char *const others[] = { "tn", "tn1", "tn1-", "tn-1", "tn0-1", "tn01-1", "tn1-4",
				       "tn1-01", "tn1-1x", "xn1-1", "tn 1-1", "tn1--1", "",
				       "tn4294967296-0" };
	char name[NET_NAME_MAX];
	uint32_t number = 0, slot = 9;

	net_link_name(4294967295u, 3, name);
	assert_string_equal(name, "tn4294967295-3");	/* the longest */
	assert_int_equal(net_link_parse(name, &number, &slot), 0);
	assert_int_equal(number, 4294967295u);
	assert_int_equal(slot, 3);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (net_link_parse(others[i], &number, &slot) == 0)
			fail_msg("'%s' was taken for a link of ours", others[i]);
}

static void test_allow(void **state)
{
	(void)state;
	struct net_allow rows[NET_ALLOW_MAX];
	size_t count = 9;
	struct err err = { 0 };
	const char *const bad[] = { "", ",", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.5/24",
				    "10.0.0.0/33", "10.0.0", "fd00::1", "0.0.0.0/0",
				    "10.0.0.5:53:1", "host", "10.0.0.5; drop", "10.0.0.5:x",
				    "10.0.0.0/x", "\"10.0.0.5\"" };

	assert_int_equal(net_allow_parse("none", rows, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(net_allow_parse("10.0.0.5:3306, 192.168.1.0/24,10.9.8.7", rows, &count,
					 &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(rows[0].address, 0x0a000005);
	assert_int_equal(rows[0].port, 3306);
	assert_int_equal(rows[0].bits, 32);
	assert_int_equal(rows[1].bits, 24);
	assert_int_equal(rows[1].port, 0);
	assert_true(net_allow_holds(rows, count, 0x0a000005, 3306));
	assert_false(net_allow_holds(rows, count, 0x0a000005, 3307));
	assert_true(net_allow_holds(rows, count, 0xc0a801ff, 1));
	assert_false(net_allow_holds(rows, count, 0xc0a80200, 1));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (net_allow_parse(bad[i], rows, &count, &err) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	assert_int_equal(net_resolver_parse("host", rows, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(net_resolver_parse("10.0.0.2", rows, &count, &err), 0);
	assert_int_equal(rows[0].port, 53);
	assert_int_equal(net_resolver_parse("10.0.0.2:5353", rows, &count, &err), -1);
	assert_int_equal(net_resolver_parse("none", rows, &count, &err), -1);
}

static void test_closed(void **state)
{
	(void)state;
	const struct { const char *address; bool is_closed; } cases[] = {
		{ "10.255.255.255", true }, { "11.0.0.0", false }, { "127.0.0.53", true },
		{ "169.254.169.254", true }, { "100.63.255.255", false },
		{ "100.127.255.255", true },
		{ "172.15.255.255", false }, { "172.31.0.1", true }, { "192.168.0.1", true },
		{ "198.19.255.255", true }, { "8.8.8.8", false }, { "224.0.0.1", true },
		{ "255.255.255.255", true }, { "0.0.0.0", true }, { "168.63.129.16", true },
		{ "168.63.129.17", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t address = 0;

		assert_int_equal(net_address_parse(cases[i].address, &address), 0);
		if ((net_closed_find(address) != NULL) != cases[i].is_closed)
			fail_msg("%s", cases[i].address);
	}
}

static void test_ranges_refused(void **state)
{
	(void)state;
	const char *const bad[] = { "198.18.0.0", "198.18.0.0/7", "198.18.0.0/25", "198.18.0.1/15",
				    "198.18.0.0/15:1", "none", "" };
	struct net_range r;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (net_range_parse(bad[i], &r, NULL) == 0)
			fail_msg("'%s' was accepted", bad[i]);
}

static void test_rules(void **state)
{
	(void)state;
	static struct settings s;
	static char want[32768];
	struct text is = { 0 };
	struct err err = { 0 };

	(void)str_copy(s.net_table, sizeof(s.net_table), "tenantd");
	(void)str_copy(s.net_range, sizeof(s.net_range), "198.18.0.0/15");
	(void)str_copy(s.net_allow, sizeof(s.net_allow), "10.0.0.5:3306, 192.168.1.0/24");
	(void)str_copy(s.net_resolver, sizeof(s.net_resolver), "10.0.0.2");
	s.net_connections = 512;
	assert_int_equal(net_rules(&s, &is, &err), 0);
	assert_int_equal(net_rules_guard(&s, &is), 0);
	if (getenv("NET_GOLDEN")) {
		FILE *f = fopen(GOLDEN, "w");

		assert_non_null(f);
		assert_int_equal(fwrite(is.data, 1, is.size, f), is.size);
		assert_int_equal(fclose(f), 0);
	}
	FILE *f = fopen(GOLDEN, "r");

	assert_non_null(f);
	want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
	(void)fclose(f);
	assert_string_equal(is.data, want);
	text_free(&is);
	/* The builder refuses such settings; nothing of them may become a rule. */
	(void)str_copy(s.net_allow, sizeof(s.net_allow), "10.0.0.5 accept");
	assert_int_equal(net_rules(&s, &is, &err), -1);
	text_free(&is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_address_twice),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_ranges_refused),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
