/* SPDX-License-Identifier: Apache-2.0 */
/* A line is shown to the site that nginx says, and to no other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/control/log_filter.h"

#define A "a.example 10.0.0.1 - - [x] "
#define E "2026/11/30 20:00:00 [crit] 1#0: *1 "

static const struct {
	enum log_kind kind;
	const char *line;
	int is_taken;		/* by a.example */
} cases[] = {
	{ LOG_KIND_ACCESS, A "\"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 0.001", 1 },
	{ LOG_KIND_ACCESS, "a.example ", 1 },
	{ LOG_KIND_ACCESS, "a.example", 0 },
	{ LOG_KIND_ACCESS, "", 0 },
	/* substrings and neighbours */
	{ LOG_KIND_ACCESS, "aa.example 10.0.0.1", 0 },
	{ LOG_KIND_ACCESS, "a.example.net 10.0.0.1", 0 },
	{ LOG_KIND_ACCESS, "b.a.example 10.0.0.1", 0 },
	{ LOG_KIND_ACCESS, "b.example 10.0.0.1 \"GET /a.example HTTP/1.1\" \" a.example \"", 0 },
	{ LOG_KIND_ACCESS, "A.EXAMPLE 10.0.0.1", 0 },
	{ LOG_KIND_ERROR, E "failed, client: 1.1.1.1, server: a.example, request: \"GET\"", 1 },
	{ LOG_KIND_ERROR, E "failed, client: 1.1.1.1, server: aa.example, request: \"GET\"", 0 },
	{ LOG_KIND_ERROR, E "failed, client: 1.1.1.1, server: a.example.net, request: \"\"", 0 },
	{ LOG_KIND_ERROR, E "failed, client: 1.1.1.1, server: b.example, host: \"a.example\"", 0 },
	{ LOG_KIND_ERROR, E "no server at all", 0 },
	{ LOG_KIND_ERROR, E "cut, server: a.example", 0 },
	/* forged from either side: nobody's */
	{ LOG_KIND_ERROR, E "\"/x, server: a.example, y\" failed, server: b.example, request", 0 },
	{ LOG_KIND_ERROR, E "failed, server: b.example, request: \"/, server: a.example, \"", 0 },
	{ LOG_KIND_ERROR, E "failed, server: a.example, request: \"/, server: a.example, \"", 0 },
	{ LOG_KIND_PHP, "anything", 1 },
	{ LOG_KIND_SLOW, "anything", 1 },
	{ LOG_KIND_MAIL, "anything", 1 },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (log_filter_takes(cases[i].kind, "a.example", cases[i].line,
				     strlen(cases[i].line)) != cases[i].is_taken)
			fail_msg("case %zu: '%s'", i, cases[i].line);
}

/* The size counts, not a zero byte behind it. */
static void test_size(void **state)
{
	(void)state;
	assert_false(log_filter_takes(LOG_KIND_ACCESS, "a.example", "a.example x", 9));
	assert_true(log_filter_takes(LOG_KIND_ACCESS, "a.example", "a.example x", 10));
}

/* A site's own file, a socket with a long name, makes nginx write its path at `crit` and
 * cut what stands behind it: the mark that is left is the tenant's. */
static void test_cut(void **state)
{
	static const char head[] = E "open() \"/srv/tenants/b.example/public/, client: 1.1.1.1, "
				   "server: a.example, ";
	char line[2048];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, head, sizeof(head) - 1);
	assert_false(log_filter_takes(LOG_KIND_ERROR, "a.example", line, 2047));
	assert_true(log_filter_takes(LOG_KIND_ERROR, "a.example", line, 2046));
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(log_kind_by_word("access"), LOG_KIND_ACCESS);
	assert_int_equal(log_kind_by_word("slow"), LOG_KIND_SLOW);
	assert_int_equal(log_kind_by_word("acces"), -1);
	assert_int_equal(log_kind_by_word(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
