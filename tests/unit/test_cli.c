/* SPDX-License-Identifier: Apache-2.0 */
/* tenantctl: its grammar, the requests it makes, and what it advises. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "admin-cli/advice.h"
#include "admin-cli/args.h"
#include "admin-cli/request.h"
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
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
