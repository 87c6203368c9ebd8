/* SPDX-License-Identifier: Apache-2.0 */
/* tenantctl: its grammar, the requests it makes, and what it lets through to a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "admin-cli/advice.h"
#include "admin-cli/args.h"
#include "admin-cli/clean.h"
#include "admin-cli/reply.h"
#include "admin-cli/request.h"
#include "admin-cli/show.h"
#include "base/str.h"
#include "schema/errors.h"

#define WORDS_MAX 12

/* Splits at blanks; `''` stands for an empty word. */
static int parse_line(struct args *out, const char *line, struct err *err)
{
	static char copy[512];
	char *words[WORDS_MAX];
	char *rest = NULL;
	int count = 0;

	assert_int_equal(str_copy(copy, sizeof(copy), line), 0);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(count < WORDS_MAX);
		words[count++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	return args_parse(out, count, words, err);
}

static const struct request_case {
	const char *line, *path, *body;	/* body NULL: none is sent */
} request_cases[] = {
	{ "add a.example", "/v1/tenants", "{\"site\":\"a.example\"}" },
	{ "add a.example --plan small --alias b.example --alias=c.example memory_max=1G pm=static",
	  "/v1/tenants",
	  "{\"site\":\"a.example\",\"plan\":\"small\",\"aliases\":[\"b.example\",\"c.example\"],"
	  "\"options\":{\"memory_max\":\"1G\",\"pm\":\"static\"}}" },
	{ "--json add --alias b.example a.example", "/v1/tenants",
	  "{\"site\":\"a.example\",\"aliases\":[\"b.example\"]}" },
	{ "plan --json list", "/v1/plans", NULL },
	{ "plan show big", "/v1/plans/big", NULL },
	{ "plan add big --parent small --sentence shops pids_max=40", "/v1/plans",
	  "{\"name\":\"big\",\"parent\":\"small\",\"sentence\":\"shops\","
	  "\"options\":{\"pids_max\":\"40\"}}" },
	{ "plan set big pids_max=", "/v1/plans/big", "{\"options\":{\"pids_max\":null}}" },
	{ "plan remove --dry-run big", "/v1/plans/big?dry_run=yes", NULL },
	{ "alias add a.example b.example c.example", "/v1/tenants/a.example/aliases/add",
	  "{\"aliases\":[\"b.example\",\"c.example\"]}" },
	{ "alias remove a.example b.example --dry-run",
	  "/v1/tenants/a.example/aliases/remove?dry_run=yes", "{\"aliases\":[\"b.example\"]}" },
	{ "add a.example --dry-run", "/v1/tenants?dry_run=yes", "{\"site\":\"a.example\"}" },
	{ "remove a.example", "/v1/tenants/a.example", NULL },
	{ "remove ../x", "/v1/tenants/..%2Fx", NULL },
	{ "remove a?b#c%d", "/v1/tenants/a%3Fb%23c%25d", NULL },
	{ "show m\xc3\xbcller.example", "/v1/tenants/m%C3%BCller.example", NULL },
	{ "list", "/v1/tenants", NULL },
	{ "list --removed", "/v1/removed", NULL },
	{ "plan list", "/v1/plans", NULL },
	{ "status", "/v1/status", NULL },
	{ "status a.example", "/v1/tenants/a.example/status", NULL },
	{ "set a.example memory_max= pm=static", "/v1/tenants/a.example",
	  "{\"options\":{\"memory_max\":null,\"pm\":\"static\"}}" },
	{ "set a.example document_root=a=b", "/v1/tenants/a.example",
	  "{\"options\":{\"document_root\":\"a=b\"}}" },
	{ "set a.example --plan big", "/v1/tenants/a.example", "{\"plan\":\"big\"}" },
	{ "suspend a.example --reason spam", "/v1/tenants/a.example/suspend",
	  "{\"reason\":\"spam\"}" },
	{ "suspend a.example", "/v1/tenants/a.example/suspend", "{}" },
	{ "resume a.example", "/v1/tenants/a.example/resume", "{}" },
	{ "restore a.example", "/v1/removed/a.example/restore", "{}" },
	{ "show -- --plan", "/v1/tenants/--plan", NULL },
	{ "show -", "/v1/tenants/-", NULL },
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(request_cases); i++) {
		const struct request_case *c = &request_cases[i];
		struct args a;
		struct err err = { 0 };
		struct text path = { 0 };
		json_t *body = NULL;

		if (parse_line(&a, c->line, &err) < 0 || request_body(&body, &a, &err) < 0)
			fail_msg("%s: %s", c->line, err.text);
		request_path(&path, &a);
		assert_string_equal(path.data, c->path);
		char *dump = body ? json_dumps(body, JSON_COMPACT) : NULL;

		if (c->body)
			assert_string_equal(dump, c->body);
		else
			assert_null(dump);
		free(dump);
		json_decref(body);
		text_free(&path);
	}
}

static const char *const refused[] = {
	"", "lst", "add", "remove", "show", "set", "suspend", "restore", "add a.example b.example",
	"list a.example", "status a.example b.example", "set a.example", "set a.example nothing",
	"add a.example =x", "add a.example pm=static pm=static", "show a.example pm=static",
	"add a.example --plan", "add a.example --plan x --plan y", "add a.example --reason x",
	"list --plan x", "show a.example --alias b", "list --format", "list --format xml",
	"list --yes", "list --jsonx", "list --json=yes", "suspend a.example --reason x --reason y",
	"--plan x", "show a.example --removed", "plan", "plan lst", "list plan",
	"plan list x", "plan set big", "plan add", "alias add a.example", "alias", "list --dry-run",
	"plan show big x=1", "plan list --removed", "plans", "import", "import php-fpm",
	"import php-fpm pool.d more", "import php-fpm pool.d --alias x", "list --site a=b",
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct args a = { .operand = "untouched" };
		struct err err = { 0 };

		if (parse_line(&a, refused[i], &err) == 0)
			fail_msg("'%s' was accepted", refused[i]);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(a.operand, "untouched");
	}
}

static void test_flags(void **state)
{
	struct args a;
	struct err err;

	(void)state;
	assert_int_equal(parse_line(&a, "--help", &err), 0);
	assert_non_null(a.flag[FLAG_HELP]);
	assert_null(a.command);
	assert_int_equal(parse_line(&a, "plan -h", &err), 0);
	assert_string_equal(a.group, "plan");
	assert_int_equal(parse_line(&a, "add --help", &err), 0);
	assert_non_null(a.flag[FLAG_HELP]);
	assert_int_equal(a.command->id, COMMAND_ADD);
	assert_int_equal(parse_line(&a, "--version", &err), 0);
	assert_non_null(a.flag[FLAG_VERSION]);
	assert_int_equal(parse_line(&a, "list --socket=/x --format csv", &err), 0);
	assert_string_equal(a.flag[FLAG_SOCKET], "/x");
	assert_int_equal(a.format, FORMAT_CSV);
	assert_int_equal(parse_line(&a, "list --json", &err), 0);
	assert_int_equal(a.format, FORMAT_JSON);
	/* An empty name is no matter of grammar. */
	assert_int_equal(parse_line(&a, "show ''", &err), 0);
	assert_string_equal(a.operand, "");
}

static void test_too_many(void **state)
{
	char *words[ARGS_LIST_MAX + 3];
	char names[ARGS_LIST_MAX + 1][24];
	struct args a;
	struct err err;

	(void)state;
	words[0] = (char[]){ "add" };
	words[1] = (char[]){ "a.example" };
	for (int i = 0; i <= ARGS_LIST_MAX; i++) {
		(void)str_format(names[i], sizeof(names[i]), "o%d=1", i);
		words[i + 2] = names[i];
	}
	assert_int_equal(args_parse(&a, ARGS_LIST_MAX + 2, words, &err), 0);
	assert_int_equal(args_parse(&a, ARGS_LIST_MAX + 3, words, &err), -1);
}

static void test_not_utf8(void **state)
{
	static const char *const lines[] = { "add \xff.example", "add a.example --alias \xff",
					     "add a.example pm=\xff", "add a.example \xff=1",
					     "suspend a.example --reason \xff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct args a;
		struct err err = { 0 };
		json_t *body = NULL;

		assert_int_equal(parse_line(&a, lines[i], &err), 0);
		assert_int_equal(request_body(&body, &a, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_null(body);
	}
}

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

static void test_advice(void **state)
{
	struct args a;
	struct err err;
	struct text out = { 0 };

	(void)state;
	assert_int_equal(parse_line(&a, "add a\x1b.example", &err), 0);
	advice_add(&out, ERR_CONFLICT, &a);
	assert_string_equal(out.data, "next: tenantctl show a?.example\n");
	text_free(&out);
	advice_add(&out, ERR_CONFLICT, NULL);
	advice_add(&out, ERR_USAGE, NULL);
	advice_add(&out, ERR_USAGE, &a);
	advice_add(&out, 9999, &a);
	assert_int_equal(parse_line(&a, "plan set big pids_max=9", &err), 0);
	advice_add(&out, ERR_CONFLICT, &a);
	assert_string_equal(out.data, "next: tenantctl list\nnext: tenantctl --help\n"
				      "next: tenantctl add --help\n"
				      "next: tenantctl status a?.example\n"
				      "next: tenantctl plan show big\n");
	text_free(&out);
	/* Each error has one, and of a command that is there. */
	for (int i = 0; i < error_row_count; i++) {
		const char *next = error_rows[i].next;

		assert_true(*next != '\0');
		if (strncmp(next, "tenantctl ", 10) == 0 && next[10] != '{' && next[10] != '-') {
			char word[32];

			(void)str_format(word, sizeof(word), "%.*s",
					 (int)strcspn(next + 10, " ;"), next + 10);
			assert_true(command_by_word(word) || command_is_group(word));
		}
	}
}

/* A line that is wrong still tells whose help there is. */
static void test_guess(void **state)
{
	static const struct {
		const char *words[4];
		int count;
		const char *command, *group;
	} cases[] = {
		{ { "add" }, 1, "add", NULL },
		{ { "--json", "plan", "set" }, 3, "plan set", "plan" },
		{ { "plan", "x" }, 2, NULL, "plan" },
		{ { "x", "add" }, 2, "add", NULL },
		{ { "x" }, 1, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct args a = { 0 };

		args_guess(&a, cases[i].count, (char **)cases[i].words);
		assert_ptr_equal(a.command, cases[i].command ? command_by_word(cases[i].command)
							     : NULL);
		assert_string_equal(a.group ? a.group : "", cases[i].group ? cases[i].group : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_pieces),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_dump_is_ascii),
		cmocka_unit_test(test_own_envelope),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_show_strange),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
