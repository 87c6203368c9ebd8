/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a request: the table, and the decoder that fills it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pool/pairs.h"
#include "pool/params.h"

static void test_last_wins(void **state)
{
	struct params p = { 0 };

	(void)state;
	assert_null(params_get(&p, "A"));
	assert_string_equal(params_set(&p, "A", "1"), "1");
	assert_string_equal(params_set(&p, "B", "2"), "2");
	assert_string_equal(params_set(&p, "A", "3"), "3");
	assert_string_equal(params_get(&p, "A"), "3");
	assert_null(params_get(&p, "a"));
	assert_int_equal(p.count, 2);
	assert_string_equal(p.row[0].name, "A");	/* order of first arrival */
	params_free(&p);
}

static void test_removed_and_cleared(void **state)
{
	struct params p = { 0 };

	(void)state;
	assert_null(params_set(&p, "A", NULL));
	(void)params_set(&p, "A", "1");
	assert_null(params_set(&p, "A", NULL));
	assert_null(params_get(&p, "A"));
	(void)params_set(&p, "A", "2");
	assert_string_equal(params_get(&p, "A"), "2");
	params_clear(&p);
	assert_null(params_get(&p, "A"));
	assert_int_equal(p.count, 0);
	assert_int_equal(p.bytes, 0);
	params_clear(&p);
	(void)params_set(&p, "", "empty name");
	assert_string_equal(params_get(&p, ""), "empty name");
	params_free(&p);
	params_free(&p);
}

static void test_limits(void **state)
{
	struct params p = { 0 };
	char name[16];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < PARAMS_COUNT_MAX; i++) {
			(void)snprintf(name, sizeof(name), "N%u", i);
			assert_non_null(params_set(&p, name, name));
		}
		assert_null(params_set(&p, "one more", "x"));
		assert_string_equal(params_set(&p, "N7", "again"), "again");
		for (unsigned i = 8; i < PARAMS_COUNT_MAX; i++) {
			(void)snprintf(name, sizeof(name), "N%u", i);
			assert_string_equal(params_get(&p, name), name);
		}
		params_clear(&p);
	}
	assert_null(params_room(&p, PARAMS_BYTES_MAX + 1u));
	assert_null(params_room(&p, SIZE_MAX));
	assert_non_null(params_room(&p, PARAMS_BYTES_MAX));
	assert_null(params_room(&p, 1));
	params_free(&p);
}

/* Names of every length, alike up to their ends; the table is small while there are few. */
static void test_names_of_any_length(void **state)
{
	struct params p = { 0 };
	char name[64];

	(void)state;
	for (unsigned size = 1; size < sizeof(name); size++)
		for (char last = 'a'; last <= 'd'; last++) {
			memset(name, 'x', size);
			name[size - 1] = last;
			name[size] = '\0';
			assert_non_null(params_set(&p, name, name));
			assert_true(p.count <= p.room && p.room < 2 * p.count + 64);
		}
	assert_int_equal(p.count, 4 * (sizeof(name) - 1));
	for (uint32_t i = 0; i < p.count; i++)
		assert_string_equal(params_get(&p, p.row[i].name), p.row[i].name);
	params_free(&p);
}

/* What PHP holds a pointer to must not move when the table grows. */
static void test_texts_stay_where_they_are(void **state)
{
	struct params p = { 0 };
	const char *first = params_set(&p, "FIRST", "value");
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "N%u", i);
		(void)params_set(&p, name, "0123456789012345678901234567890123456789");
	}
	assert_ptr_equal(params_get(&p, "FIRST"), first);
	assert_string_equal(first, "value");
	params_free(&p);
}

static int feed(struct params *p, const char *data, size_t size, size_t piece, bool *is_whole)
{
	struct pairs d = { 0 };

	params_clear(p);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (pairs_feed(&d, p, (const unsigned char *)data + at, n) < 0)
			return -1;
	}
	*is_whole = pairs_are_whole(&d);
	return 0;
}

static void test_pairs(void **state)
{
	static const char data[] = "\x01\x02" "Axy" "\x80\0\0\x03\x80\0\0\x01" "BCDz" "\x02\0" "EF"
				   "\0\x03" "abc" "\x01\x01" "A!";
	struct params p = { 0 };
	bool is_whole = false;

	(void)state;
	for (size_t piece = 1; piece < sizeof(data); piece++) {
		assert_int_equal(feed(&p, data, sizeof(data) - 1, piece, &is_whole), 0);
		assert_true(is_whole);
		assert_int_equal(p.count, 3);		/* a pair without a name is none */
		assert_string_equal(params_get(&p, "A"), "!");
		assert_string_equal(params_get(&p, "BCD"), "z");
		assert_string_equal(params_get(&p, "EF"), "");
	}
	for (size_t size = 1; size < 5; size++) {
		assert_int_equal(feed(&p, data, size, 1, &is_whole), 0);
		assert_false(is_whole);
	}
	params_free(&p);
}

static void test_pairs_refused(void **state)
{
	static const struct {
		const char *data;
		size_t size;
	} cases[] = {
		{ "\xff\xff\xff\xff\x01", 5 },		/* 2 GiB of name */
		{ "\x01\xff\xff\xff\xff", 5 },
		{ "\x80\x10\0\0\x80\x10\0\0", 8 },	/* both halves of the limit, and ends */
		{ "\x02\x01" "a\0b", 5 },		/* NUL in a name */
		{ "\x01\x03" "ax\0y", 6 },		/* NUL in a value */
	};
	static const size_t pieces[] = { 1, 3, 8 };	/* 8: all at once */
	struct params p = { 0 };
	bool is_whole = false;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
			assert_int_equal(feed(&p, cases[i].data, cases[i].size, pieces[j],
					      &is_whole), -1);
	params_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_wins),
		cmocka_unit_test(test_removed_and_cleared),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names_of_any_length),
		cmocka_unit_test(test_texts_stay_where_they_are),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_pairs_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
