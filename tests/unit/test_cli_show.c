/* SPDX-License-Identifier: Apache-2.0 */
/* What tenantctl makes of replies: taken apart, cleaned, shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "admin-cli/clean.h"
#include "admin-cli/reply.h"
#include "admin-cli/show.h"
#include "base/str.h"
#include "schema/errors.h"

static const struct clean_case {
	const char *raw, *clean, *csv;
} clean_cases[] = {
	{ "plain text", "plain text", "plain text" },
	{ "", "", "" },
	{ "\x1b[31mred\x07", "?[31mred?", "?[31mred?" },
	{ "two\nlines\r\t", "two?lines??", "two?lines??" },
	{ "\x7f", "?", "?" },
	{ "\xc2\x9b" "31m", "?31m", "?31m" },			/* CSI as a C1 control */
	{ "m\xc3\xbcller", "m\xc3\xbcller", "m\xc3\xbcller" },
	{ "a\xe2\x80\xae" "b", "a?b", "a?b" },			/* right-to-left override */
	{ "a\xe2\x81\xa6" "b", "a?b", "a?b" },			/* isolate */
	{ "\xff\xfe", "??", "??" },
	{ "\xc0\x9b", "??", "??" },				/* overlong */
	{ "\xed\xa0\x80", "???", "???" },			/* surrogate */
	{ "\xe2\x82", "??", "??" },				/* cut */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "a,b", "a,b", "\"a,b\"" },
	{ "say \"a\"", "say \"a\"", "\"say \"\"a\"\"\"" },
};

static void test_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clean_cases); i++) {
		struct text out = { 0 };
		struct text csv = { 0 };

		text_add(&out, "%s", "");
		text_add(&csv, "%s", "");
		clean_add(&out, clean_cases[i].raw);
		clean_add_csv(&csv, clean_cases[i].raw);
		assert_string_equal(out.data, clean_cases[i].clean);
		assert_string_equal(csv.data, clean_cases[i].csv);
		text_free(&out);
		text_free(&csv);
	}
}

/* However it is cut: a command of a hostile site may write byte by byte. */
static void test_clean_pieces(void **state)
{
	static const char raw[] = "a\tb\r\n\x1b[1m\0m\xc3\xbcller\xc2\x9b" "31m\x9b" "7m"
				  "\xe2\x80\xae\xf0\x9f\x98\x80\xe2\n\xc0\x9b\xe2\x82";
	static const char clean[] = "a\tb \n?[1m m\xc3\xbcller?31m?7m?"
				    "\xf0\x9f\x98\x80?\n????";

	(void)state;
	for (size_t cut = 1; cut < sizeof(raw); cut++) {
		struct clean_part part = { .count = 0 };
		struct text out = { 0 };

		for (size_t at = 0; at < sizeof(raw) - 1; at += cut)
			clean_add_piece(&out, &part, raw + at,
					sizeof(raw) - 1 - at < cut ? sizeof(raw) - 1 - at : cut);
		clean_add_rest(&out, &part);
		assert_string_equal(out.data, clean);
		text_free(&out);
	}
}

#define METADATA(result) "{\"metadata\":{\"command\":\"x\",\"result\":\"" result "\"," \
			 "\"reason\":\"why\",\"version\":\"1\"},\"data\":"

static const struct reply_case {
	const char *text;
	int code;		/* of the error in it; 0: none */
	const char *sentence;
} reply_cases[] = {
	{ METADATA("done") "{}}", 0, NULL },
	{ METADATA("unchanged") "null}", 0, NULL },
	{ METADATA("failed") "{\"code\":\"unknown_site\",\"sentence\":\"no \\u001b[31m\"}}",
	  ERR_UNKNOWN_SITE, "no ?[31m" },
	{ METADATA("failed") "{\"code\":\"invented\",\"sentence\":\"s\"}}", ERR_FAILED, "s" },
	{ METADATA("failed") "null}", ERR_FAILED, "why" },
	{ METADATA("failed") "[1]}", ERR_FAILED, "why" },
	{ METADATA("strange") "{\"code\":7}}", ERR_FAILED, "why" },
};

static void test_replies(void **state)
{
	static const char *const bad[] = { "", "null", "[]", "{}", "<html>", "{\"metadata\":1}",
					   "{\"metadata\":{\"result\":1}}", METADATA("done") };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reply_cases); i++) {
		const struct reply_case *c = &reply_cases[i];
		struct reply r = { 0 };
		struct err err = { 0 };

		assert_int_equal(reply_parse(&r, c->text, &err), 0);
		assert_int_equal(r.is_failed, c->code != 0);
		if (c->code) {
			reply_error(&r, &err);
			assert_int_equal(err.code, c->code);
			assert_string_equal(err.text, c->sentence);
		}
		reply_done(&r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reply r = { 0 };
		struct err err = { 0 };

		assert_int_equal(reply_parse(&r, bad[i], &err), -1);
		assert_int_equal(err.code, ERR_NO_DAEMON);
	}
}

static void test_dump_is_ascii(void **state)
{
	static const char hostile[] = METADATA("done") "\"\\u001b \x7f \xc2\x9b \xc3\xbc\"}";
	struct reply r = { 0 };
	struct err err = { 0 };
	struct text out = { 0 };

	(void)state;
	assert_int_equal(reply_parse(&r, hostile, &err), 0);
	reply_dump(&out, &r);
	for (const char *s = out.data; s[1]; s++)
		assert_true(*s >= 0x20 && *s < 0x7f);
	assert_non_null(strstr(out.data, "\\u007f"));
	text_free(&out);
	reply_done(&r);
}

static void test_own_envelope(void **state)
{
	struct reply r = { 0 };
	struct err err = { 0 };
	struct err error = { 0 };

	(void)state;
	(void)err_set(&error, ERR_NO_DAEMON, "connect to 'x\x1b\xff'");
	assert_int_equal(reply_from_error(&r, "list", &error, &err), 0);
	assert_true(r.is_failed);
	reply_error(&r, &err);
	assert_int_equal(err.code, ERR_NO_DAEMON);
	assert_string_equal(err.text, "connect to 'x?" "?'");
	reply_done(&r);
}

static void test_show(void **state)
{
	static const char text[] = "{\"a\":1,\"b\":[\"x\",\"y\"],\"c\":{\"d\":true,\"e\":null},"
				   "\"f\":[],\"g\":\"\\u001b,\"}";
	json_t *object = json_loads(text, 0, NULL);
	struct text table = { 0 };
	struct text csv = { 0 };
	struct text plain = { 0 };

	(void)state;
	show_object(&table, object, FORMAT_TABLE);
	show_object(&csv, object, FORMAT_CSV);
	show_object(&plain, object, FORMAT_PLAIN);
	assert_string_equal(table.data,
			    "a: 1\nb: x, y\nc:\n  d: yes\n  e: -\nf: -\ng: ?,\n");
	assert_string_equal(csv.data, "a,1\nb,\"x, y\"\nc.d,yes\nc.e,-\nf,-\ng,\"?,\"\n");
	assert_string_equal(plain.data, "a\t1\nb\tx, y\nc.d\tyes\nc.e\t-\nf\t-\ng\t?,\n");
	text_free(&table);
	text_free(&csv);
	text_free(&plain);
	json_decref(object);
}

static void test_list(void **state)
{
	json_t *data = json_loads("{\"tenants\":[{\"site\":\"a\",\"state\":\"live\","
				  "\"pool_state\":null,\"number\":7,\"reason\":\"x,y\"}]}",
				  0, NULL);
	struct text out = { 0 };

	(void)state;
	show_list(&out, data, COMMAND_LIST, FORMAT_CSV);
	show_list(&out, data, COMMAND_LIST, FORMAT_PLAIN);
	assert_string_equal(out.data, "site,state,pool,plan,number,reason\n"
				      "a,live,-,,7,\"x,y\"\n"
				      "a\tlive\t-\t\t7\tx,y\n");
	text_free(&out);
	show_list(&out, NULL, ROUTE_REMOVED, FORMAT_TABLE);
	assert_string_equal(out.data, "no removed site can be restored\n");
	text_free(&out);
	json_decref(data);
}

/* Whatever the daemon sends: no shape of data may harm the client. */
#define NEST "{\"a\":{\"a\":{\"a\":"

static void test_show_strange(void **state)
{
	static const char *const texts[] = { "null", "1", "[]", "{}", "[1,null,\"x\"]",
					     "[{\"site\":{\"a\":[[]]}}]", "{\"steps\":[1,{}]}",
					     NEST NEST NEST NEST "1" "}}}}}}}}}}}}" };
	static const enum args_format formats[] = { FORMAT_TABLE, FORMAT_CSV, FORMAT_PLAIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
			json_t *data = json_loads(texts[i], JSON_DECODE_ANY, NULL);
			struct text out = { 0 };

			assert_non_null(data);
			show_object(&out, data, formats[f]);
			show_list(&out, data, COMMAND_LIST, formats[f]);
			show_list(&out, data, COMMAND_PLAN_LIST, formats[f]);
			show_steps(&out, data);
			assert_false(out.failed);
			text_free(&out);
			json_decref(data);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_pieces),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_dump_is_ascii),
		cmocka_unit_test(test_own_envelope),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_show_strange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
