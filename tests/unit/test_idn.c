/* SPDX-License-Identifier: Apache-2.0 */
/* Host names as people type them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/idn.h"

static const struct {
	const char *typed;
	const char *ascii;
	const char *unicode;
} good[] = {
	{ "site.example", "site.example", "site.example" },
	{ "SITE.Example", "site.example", "site.example" },
	{ "b\303\274cher.example", "xn--bcher-kva.example", "b\303\274cher.example" },
	{ "B\303\234CHER.example", "xn--bcher-kva.example", "b\303\274cher.example" },
	{ "XN--bcher-KVA.example", "xn--bcher-kva.example", "b\303\274cher.example" },
	/* sharp s stays one (non-transitional), composed and decomposed are alike */
	{ "fa\303\237.example", "xn--fa-hia.example", "fa\303\237.example" },
	{ "bu\314\210cher.example", "xn--bcher-kva.example", "b\303\274cher.example" },
	{ "\345\215\201.example", "xn--kkr.example", "\345\215\201.example" },
};

static const char *const bad[] = {
	"", "b\303\274cher", "*.b\303\274cher.example", "../\303\274", "a_\303\274.example",
	"\303\274.\303\274 .example", "\377\376.example", "xn--a.example", "xn--.example",
	"\357\274\217.example", "\303\274..example",
	"\343\200\202\343\200\202.example", "-\303\274.example", "\342\200\256moc.example",
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = { 0 };
		char ascii[SITE_MAX];
		char unicode[IDN_TEXT_MAX];

		if (idn_to_ascii(good[i].typed, ascii, &err) < 0)
			fail_msg("'%s': %s", good[i].typed, err.text);
		assert_string_equal(ascii, good[i].ascii);
		idn_to_unicode(ascii, unicode);
		assert_string_equal(unicode, good[i].unicode);
	}
}

static void test_bad(void **state)
{
	(void)state;
	char ascii[SITE_MAX] = "untouched";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };

		if (idn_to_ascii(bad[i], ascii, &err) == 0)
			fail_msg("'%s' became '%s'", bad[i], ascii);
		assert_int_equal(err.code, ERR_BAD_NAME);
		assert_string_equal(ascii, "untouched");
	}
}

static void test_long(void **state)
{
	(void)state;
	char typed[3000];
	char ascii[SITE_MAX];
	struct err err = { 0 };

	for (size_t size = 254; size < sizeof(typed); size += 97) {
		memset(typed, 'a', size);
		typed[size] = '\0';
		assert_int_equal(idn_to_ascii(typed, ascii, &err), -1);
		assert_int_equal(err.code, ERR_BAD_NAME);
	}
	for (size_t i = 0; i + 2 < sizeof(typed); i += 2)
		memcpy(typed + i, "\303\274", 3);
	assert_int_equal(idn_to_ascii(typed, ascii, &err), -1);
	assert_int_equal(err.code, ERR_BAD_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
