/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from callers: paths, bodies, and the form of the replies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/control/body.h"
#include "daemon/control/envelope.h"
#include "daemon/control/route.h"
#include "schema/errors.h"

static const struct {
	const char *method, *path;
	int id;			/* -1: refused with CODE */
	const char *operand;
	int code;
} routes[] = {
	{ "GET", "/v1/tenants", COMMAND_LIST, "", 0 },
	{ "POST", "/v1/tenants", COMMAND_ADD, "", 0 },
	{ "GET", "/v1/tenants/a.example", COMMAND_SHOW, "a.example", 0 },
	{ "PATCH", "/v1/tenants/a.example", COMMAND_SET, "a.example", 0 },
	{ "DELETE", "/v1/tenants/a.example", COMMAND_REMOVE, "a.example", 0 },
	{ "POST", "/v1/tenants/a.example/suspend", COMMAND_SUSPEND, "a.example", 0 },
	{ "POST", "/v1/tenants/a.example/resume", COMMAND_RESUME, "a.example", 0 },
	{ "GET", "/v1/tenants/a.example/status", COMMAND_STATUS, "a.example", 0 },
	{ "GET", "/v1/status", ROUTE_DAEMON, "", 0 },
	{ "GET", "/v1/plans", COMMAND_PLAN_LIST, "", 0 },
	{ "GET", "/v1/removed", ROUTE_REMOVED, "", 0 },
	{ "PATCH", "/v1/plans/big", COMMAND_PLAN_SET, "big", 0 },
	{ "DELETE", "/v1/plans/big", COMMAND_PLAN_REMOVE, "big", 0 },
	{ "POST", "/v1/tenants/a.example/aliases/add", COMMAND_ALIAS_ADD, "a.example", 0 },
	{ "POST", "/v1/removed/a.example/restore", COMMAND_RESTORE, "a.example", 0 },
	/* decoded after the path is cut */
	{ "GET", "/v1/tenants/b%C3%BCcher.example", COMMAND_SHOW, "b\303\274cher.example", 0 },
	{ "GET", "/v1/tenants/..%2f..%2Fx", COMMAND_SHOW, "../../x", 0 },
	{ "GET", "/v1/tenants/a%00b", -1, "", ERR_BAD_NAME },
	{ "GET", "/v1/tenants/a%4", -1, "", ERR_BAD_NAME },
	{ "GET", "/v1/tenants/a%", -1, "", ERR_BAD_NAME },
	{ "GET", "/v1/tenants/a%zz", -1, "", ERR_BAD_NAME },
	{ "GET", "/v1/tenants/", -1, "", ERR_NO_ROUTE },
	{ "GET", "/v1/tenants/a/b", -1, "", ERR_NO_ROUTE },
	{ "GET", "/v1/tenants/../x", -1, "", ERR_NO_ROUTE },
	{ "GET", "/v1/tenants//status", -1, "", ERR_NO_ROUTE },
	{ "GET", "/", -1, "", ERR_NO_ROUTE },
	{ "GET", "", -1, "", ERR_NO_ROUTE },
	{ "GET", "/v2/tenants", -1, "", ERR_NO_ROUTE },
	{ "GET", "/v1/tenants/a.example/suspend", -1, "", ERR_BAD_METHOD },
	{ "PUT", "/v1/tenants/a.example", -1, "", ERR_BAD_METHOD },
	{ "", "/v1/tenants", -1, "", ERR_BAD_METHOD },
};

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct route r = { .row = NULL };
		struct err err = { 0 };
		char allow[64];
		int rc = route_find(routes[i].method, routes[i].path, &r, allow, &err);
		int id = rc == 0 ? (int)r.row->id : -1;

		if (id != routes[i].id || err.code != routes[i].code ||
		    (rc == 0) != (routes[i].id >= 0))
			fail_msg("%s %s: route %d, code %d: %s", routes[i].method, routes[i].path,
				 id, err.code, err.text);
		if (rc == 0)
			assert_string_equal(r.operand, routes[i].operand);
		if (err.code == ERR_BAD_METHOD)
			assert_true(allow[0] != '\0');
	}
}

static void test_query(void **state)
{
	struct route r = { .row = &command_rows[COMMAND_LIST] };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(route_query(&r, "nothing", "yes", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	r.row = &command_rows[COMMAND_SET];
	assert_int_equal(route_query(&r, "dry_run", NULL, &err), -1);
	assert_int_equal(route_query(&r, "dry_run", "true", &err), -1);
	assert_int_equal(route_query(&r, "dry_run", "y%65s", &err), 0);
	assert_string_equal(r.query[FLAG_DRY_RUN], "yes");
	assert_int_equal(route_query(&r, "dry_run", "yes", &err), -1);
	/* A flag that is no field of a request is none of the query either. */
	assert_int_equal(route_query(&r, "", "yes", &err), -1);
}

static void test_long_site(void **state)
{
	(void)state;
	struct text path = { 0 };
	struct route r;
	struct err err = { 0 };
	char allow[64];

	text_add(&path, "/v1/tenants/");
	for (int i = 0; i < 2000; i++)
		text_add(&path, "a");
	assert_int_equal(route_find("GET", path.data, &r, allow, &err), -1);
	assert_int_equal(err.code, ERR_BAD_NAME);
	text_free(&path);
}

static const struct {
	enum command_id command;
	const char *body;
	int code;
	const char *field;
} bodies[] = {
	{ COMMAND_ADD, "{\"site\":\"a.example\"}", 0, "" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"plan\":\"p\",\"aliases\":[\"b.example\"],"
		       "\"options\":{\"memory_max\":\"64M\",\"pids_max\":20,"
		       "\"strict_docroot\":true}}", 0, "" },
	{ COMMAND_ADD, "", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{}", ERR_BAD_JSON, "site" },
	{ COMMAND_ADD, "[]", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "null", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{\"site\":\"a.example\"} x", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{\"site\":\"a.example\"", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"site\":\"b.example\"}", ERR_BAD_JSON, "site" },
	{ COMMAND_ADD, "{\"site\":\"a.example\\u0000\"}", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{\"site\":\"\377.example\"}", ERR_BAD_JSON, "" },
	{ COMMAND_ADD, "{\"site\":7}", ERR_BAD_JSON, "site" },
	{ COMMAND_ADD, "{\"site\":\"..\"}", ERR_BAD_NAME, "site" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"user\":0}", ERR_BAD_JSON, "user" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"reason\":\"x\"}", ERR_BAD_JSON, "reason" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"plan\":null}", ERR_BAD_JSON, "plan" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"plan\":\"\"}", ERR_UNKNOWN_PLAN, "plan" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"aliases\":\"b.example\"}", ERR_BAD_JSON,
	  "aliases" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"aliases\":[\"b.example\",\"B.example\"]}",
	  ERR_CONFLICT, "aliases.1" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"aliases\":[\"*.example\"]}", ERR_BAD_NAME,
	  "aliases.0" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":[]}", ERR_BAD_JSON, "options" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"uid\":\"0\"}}", ERR_BAD_OPTION,
	  "options.uid" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"pids_max\":\"1\"}}",
	  ERR_BAD_OPTION, "options.pids_max" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"pids_max\":-5}}", ERR_BAD_OPTION,
	  "options.pids_max" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"pids_max\":20.5}}", ERR_BAD_JSON,
	  "options.pids_max" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"pids_max\":null}}", ERR_BAD_JSON,
	  "options.pids_max" },
	{ COMMAND_ADD, "{\"site\":\"a.example\",\"options\":{\"pids_max\":{\"a\":[]}}}",
	  ERR_BAD_JSON, "options.pids_max" },
	{ COMMAND_ADD, "{\"a\":[[[[[[[[[[]]]]]]]]]]}", ERR_BAD_JSON, "" },
	{ COMMAND_SET, "", 0, "" },
	{ COMMAND_SET, "{\"options\":{\"pids_max\":null}}", 0, "" },
	{ COMMAND_SET, "{\"site\":\"b.example\"}", ERR_BAD_JSON, "site" },
	{ COMMAND_SUSPEND, "", 0, "" },
	{ COMMAND_SUSPEND, "{\"reason\":\"b\303\266se\"}", 0, "" },
	{ COMMAND_SUSPEND, "{\"reason\":\"a\\nb\"}", ERR_BAD_JSON, "reason" },
	{ COMMAND_REMOVE, "", 0, "" },
	{ COMMAND_REMOVE, "{}", 0, "" },
	{ COMMAND_REMOVE, "{\"force\":true}", ERR_BAD_JSON, "force" },
	{ COMMAND_RESUME, "{\"reason\":\"x\"}", ERR_BAD_JSON, "reason" },
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct change c = { .command = bodies[i].command };
		struct change before = c;
		struct err err = { 0 };
		char field[FIELD_MAX] = "?";
		int rc = body_parse(bodies[i].body, strlen(bodies[i].body), &c, field, &err);

		if ((rc == 0) != (bodies[i].code == 0) || err.code != bodies[i].code ||
		    strcmp(field, bodies[i].field) != 0)
			fail_msg("%s: code %d, field '%s': %s", bodies[i].body, err.code, field,
				 err.text);
		if (rc < 0)
			assert_memory_equal(&c, &before, sizeof(c));
	}
}

static void test_values(void **state)
{
	(void)state;
	static const char text[] = "{\"site\":\"B\303\274cher.Example\",\"options\":{"
		"\"memory_max\":\"1024M\",\"pids_max\":20,\"strict_docroot\":true}}";
	struct change c = { .command = COMMAND_ADD };
	struct err err = { 0 };
	char field[FIELD_MAX];

	assert_int_equal(body_parse(text, strlen(text), &c, field, &err), 0);
	assert_string_equal(c.site, "xn--bcher-kva.example");
	assert_string_equal(c.options.of[OPT_memory_max].text, "1G");
	assert_string_equal(c.options.of[OPT_pids_max].text, "20");
	assert_string_equal(c.options.of[OPT_strict_docroot].text, "yes");
	assert_false(c.options.of[OPT_pm].is_set || c.has_plan || c.has_aliases);
}

static void test_many_aliases(void **state)
{
	(void)state;
	struct change c = { .command = COMMAND_ADD };
	struct text body = { 0 };
	struct err err = { 0 };
	char field[FIELD_MAX];

	text_add(&body, "{\"site\":\"a.example\",\"aliases\":[\"x.example\"");
	for (int i = 0; i < ALIASES_MAX; i++)
		text_add(&body, ",\"a%d.example\"", i);
	text_add(&body, "]}");
	assert_int_equal(body_parse(body.data, body.size, &c, field, &err), -1);
	assert_string_equal(field, "aliases.64");
	text_free(&body);
}

static void test_envelope(void **state)
{
	(void)state;
	struct answer a = { 0 };
	struct err err = { 0 };

	envelope_done(&a, "show", "done", "a \"word\"", json_pack("{s:i}", "x", 1));
	assert_int_equal(a.http_status, 200);
	assert_non_null(strstr(a.body, "\"reason\":\"a \\\"word\\\"\""));
	free(a.body);
	/* bytes that are no text must not make the reply vanish */
	(void)err_set(&err, ERR_CONFLICT, "name '\377\376' is taken");
	envelope_failed(&a, "add", &err, "site");
	assert_int_equal(a.http_status, 409);
	assert_non_null(strstr(a.body, "\"code\":\"conflict\",\"field\":\"site\","
			       "\"sentence\":\"name '?\?' is taken\""));
	free(a.body);
	envelope_done(&a, "show", "done", "", NULL);	/* memory was short */
	assert_int_equal(a.http_status, 500);
	assert_non_null(strstr(a.body, "no memory"));
	free(a.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_long_site),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_many_aliases),
		cmocka_unit_test(test_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
