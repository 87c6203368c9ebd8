/* SPDX-License-Identifier: Apache-2.0 */
/* Options: values as people write them, ranges, formatting, checks of hostile structs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/option_list.h"
#include "schema/options.h"

struct parse_case {
	const char *name, *value;
	const char *shown;	/* canonical form, or NULL where it is refused */
};

static const struct parse_case cases[] = {
	{ "memory_max", "512M", "512M" },
	{ "memory_max", "536870912", "512M" },
	{ "memory_max", "1g", "1G" },
	{ "memory_max", "31M", NULL },
	{ "memory_max", "2000G", NULL },
	{ "memory_max", "99999999999999999999G", NULL },
	{ "memory_max", "-1", NULL },
	{ "memory_max", "", NULL },
	{ "memory_max", "12Q", NULL },
	{ "pids_max", "100", "100" },
	{ "pids_max", "9", NULL },
	{ "pids_max", "0x20", NULL },
	{ "pids_max", " 20", NULL },
	{ "cpu_quota", "50%", "50" },
	{ "cpu_quota", "%", NULL },
	{ "process_idle_timeout", "2m", "2m" },
	{ "process_idle_timeout", "90", "90s" },
	{ "process_idle_timeout", "0", NULL },
	{ "pm", "static", "static" },
	{ "pm", "dynamic", "dynamic" },
	{ "pm", "dynamical", NULL },
	{ "pm", "static,ondemand", NULL },
	{ "strict_docroot", "yes", "yes" },
	{ "strict_docroot", "maybe", NULL },
	{ "sockets", "mysql,redis", "mysql,redis" },
	{ "sockets", "redis", "redis" },
	{ "sockets", "none", "none" },
	{ "sockets", "mysql,ssh", NULL },
	{ "document_root", "public", "public" },
	{ "document_root", "current/public", "current/public" },
	{ "document_root", "../x", NULL },
	{ "document_root", "a/../b", NULL },
	{ "document_root", "a/./b", NULL },
	{ "document_root", "/etc", NULL },
	{ "document_root", "a//b", NULL },
	{ "document_root", "a;b", NULL },
	{ "document_root", "a b", NULL },
	{ "document_root", "", NULL },
	{ "document_root", ".git", NULL },
	{ "php", "", "" },
	{ "php", "8.2", "8.2" },
	{ "php", "8.4-zts", "8.4-zts" },
	{ "php", "x8.2", NULL },
	{ "php", ".8", NULL },
	{ "php", "8/2", NULL },
	{ "php", "8..2;", NULL },
	{ "php", "8.2 ", NULL },
	{ "php", "8.2345678901234567", NULL },
	{ "preload", "", "" },
	{ "preload", "private/preload.php", "private/preload.php" },
	{ "preload", "/etc/x.php", NULL },
	{ "limit_extensions", ".php", ".php" },
	{ "limit_extensions", " .php .phar,.php,", ".php,.phar" },
	{ "limit_extensions", "none", NULL },
	{ "limit_extensions", "php", NULL },
	{ "limit_extensions", ".", NULL },
	{ "disable_functions", "", "none" },
	{ "disable_functions", "none", "none" },
	{ "disable_functions", "exec, system ,exec", "exec,system" },
	{ "disable_functions", "exec;system", NULL },
	{ "disable_functions", "exec\nx", NULL },
	{ "extensions", "xsl,redis", "xsl,redis" },
	{ "extensions", "../xsl", NULL },
	{ "extensions", "xsl.so", NULL },
};

struct entry_case {
	const char *name, *value;
	bool is_refused;
};

static const struct entry_case entries[] = {
	{ "php_value.precision", "5", false },
	{ "php_value.date.timezone", "Europe/Paris", false },
	{ "php_value.precision", "6", false },
	{ "php_value.arg_separator.output", "a=b=c", false },
	{ "php_value.auto_prepend_file", "", false },
	{ "php_value", "x=1", true },
	{ "php_value.", "1", true },
	{ "php_valuex.a", "1", true },
	{ "php_value.a b", "1", true },
	{ "php_value.a=b", "1", true },
	{ "php_value.a", "it's", true },
	{ "php_value.a", "1\nb=2", true },
	{ "php_value.a", "\x7f", true },
	{ "php_value.a", "\xc3\xa4", true },
	{ "php_value.memory_limit", "1G", true },
	{ "php_value.opcache.jit_debug", "1", true },
	{ "php_admin_value.ffi.enable", "1", true },
	{ "php_admin_value.error_log", "/x", true },
	{ "php_admin_value.Zend_Extension", "x", true },	/* the same to PHP */
	{ "env.A", "it's", false },
	{ "env.LD_PRELOAD", "/x", true },
	{ "env.9", "1", true },
	{ "env.A-B", "1", true },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct option_row *row = option_by_name(cases[i].name);
		struct options o;
		struct options before;
		struct err err = { 0 };
		char shown[OPTION_FORMAT_MAX];

		assert_non_null(row);
		options_default(&o);
		before = o;
		int rc = options_parse(&o, row, cases[i].value, &err);

		if (!cases[i].shown) {
			if (rc == 0)
				fail_msg("%s=%s was accepted", cases[i].name, cases[i].value);
			assert_int_equal(err.code, ERR_BAD_OPTION);
			assert_non_null(strstr(err.text, cases[i].name));
			assert_memory_equal(&o, &before, sizeof(o));
			continue;
		}
		if (rc < 0)
			fail_msg("%s=%s: %s", cases[i].name, cases[i].value, err.text);
		options_format(&o, row, shown);
		assert_string_equal(shown, cases[i].shown);
		assert_int_equal(options_check(&o, &err), 0);
	}
}

/* What options say about one another: refused, naming the option that is too small. */
static void test_rules(void **state)
{
	(void)state;
	static const struct {
		const char *set, *named;	/* NULL: accepted */
	} rules[] = {
		{ "pm=dynamic", NULL },
		{ "pm=dynamic start_servers=2", NULL },
		{ "pm=dynamic min_spare_servers=4", "'max_spare_servers': '3' must be at least 4" },
		{ "pm=dynamic max_spare_servers=6", "'max_children': '5' must be at least 6" },
		{ "pm=dynamic start_servers=1 min_spare_servers=2", "'start_servers': '1'" },
		{ "pm=dynamic start_servers=4", "'max_spare_servers': '3'" },
		{ "min_spare_servers=4", NULL },	/* nobody looks at it */
		{ "max_children=200 open_files=231", "'open_files': '231' must be at least 232" },
		{ "max_children=200 open_files=232", NULL },
		{ "status_path=/x ping_path=/y", NULL },
		{ "status_path=/x ping_path=/x", "'ping_path': '/x'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct options o;
		struct err err = { 0 };
		char words[128];
		char *rest = NULL;

		options_default(&o);
		(void)str_copy(words, sizeof(words), rules[i].set);
		for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
			char *value = strchr(w, '=');

			*value++ = '\0';
			assert_int_equal(options_parse(&o, option_by_name(w), value, &err), 0);
		}
		assert_int_equal(options_check(&o, &err), rules[i].named ? -1 : 0);
		if (rules[i].named && !strstr(err.text, rules[i].named))
			fail_msg("%s: %s", rules[i].set, err.text);
	}
}

/* Entries are options of their own to people; together they are sorted lines. */
static void test_entries(void **state)
{
	(void)state;
	struct options o;
	struct err err = { 0 };
	char long_value[OPTION_LIST_MAX];

	options_default(&o);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct options before = o;
		int rc = options_set(&o, entries[i].name, entries[i].value, &err);

		if ((rc < 0) != entries[i].is_refused)
			fail_msg("%s=%s: %d", entries[i].name, entries[i].value, rc);
		if (rc < 0)
			assert_memory_equal(&o, &before, sizeof(o));
		assert_int_equal(options_check(&o, &err), 0);
	}
	assert_string_equal(o.php_value, "arg_separator.output=a=b=c\nauto_prepend_file=\n"
					 "date.timezone=Europe/Paris\nprecision=6\n");
	assert_int_equal(option_list_set(&option_rows[OPT_php_value], o.php_value, "precision",
					 NULL, &err), 0);
	assert_int_equal(options_parse(&o, &option_rows[OPT_php_value], "a=1\nauto_prepend_file=x",
				       &err), 0);
	assert_string_equal(o.php_value, "a=1\narg_separator.output=a=b=c\nauto_prepend_file=x\n"
					 "date.timezone=Europe/Paris\n");
	memset(long_value, 'x', sizeof(long_value));
	long_value[sizeof(long_value) - 5] = '\0';
	assert_int_equal(options_set(&o, "php_value.z", long_value, &err), -1);
	assert_int_equal(options_set(&o, "env.Z", long_value, &err), -1);
	assert_int_equal(options_check(&o, &err), 0);
}

/* Lists of another process may hold anything. */
static void test_lists_are_checked(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"b=1\na=1\n", "a=1\na=2\n", "a=1", "a\n", "=1\n", "\n", "a=1\n\n", "a=1\nx\n",
		"memory_limit=1\n",
	};
	struct options o;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		options_default(&o);
		(void)str_copy(o.php_value, sizeof(o.php_value), wrong[i]);
		if (options_check(&o, &err) == 0)
			fail_msg("'%s' was accepted", wrong[i]);
	}
	options_default(&o);
	memset(o.env, 'a', sizeof(o.env));
	assert_int_equal(options_check(&o, &err), -1);
	options_default(&o);
	(void)str_copy(o.limit_extensions, sizeof(o.limit_extensions), ".php,.php");
	assert_int_equal(options_check(&o, &err), -1);
	o.limit_extensions[0] = '\0';
	assert_int_equal(options_check(&o, &err), -1);
}

/* Each default is in its own range and survives format and parse. */
static void test_defaults(void **state)
{
	(void)state;
	struct options o;
	struct err err = { 0 };

	options_default(&o);
	assert_int_equal(options_check(&o, &err), 0);
	for (int i = 0; i < OPTION_IDS; i++) {
		struct options again;
		char shown[OPTION_FORMAT_MAX];

		options_format(&o, &option_rows[i], shown);
		options_default(&again);
		if (options_parse(&again, &option_rows[i], shown, &err) < 0)
			fail_msg("default of %s: %s", option_rows[i].name, err.text);
		assert_int_equal(options_difference(&o, &again), 0);
	}
}

static void test_hostile_struct(void **state)
{
	(void)state;
	struct options o;
	struct err err = { 0 };

	options_default(&o);
	o.memory_max = UINT64_MAX;
	assert_int_equal(options_check(&o, &err), -1);
	assert_non_null(strstr(err.text, "memory_max"));
	options_default(&o);
	memset(o.document_root, 'a', sizeof(o.document_root));
	assert_int_equal(options_check(&o, &err), -1);
	options_default(&o);
	(void)str_copy(o.document_root, sizeof(o.document_root), "x\n;");
	assert_int_equal(options_check(&o, &err), -1);
	options_default(&o);
	o.pm = 3;
	assert_int_equal(options_check(&o, &err), -1);
}

static void test_difference(void **state)
{
	(void)state;
	struct options a;
	struct options b;

	options_default(&a);
	b = a;
	b.memory_max += 1;
	assert_int_equal(options_difference(&a, &b), OPTION_LIVE);
	b.max_children = 9;
	assert_int_equal(options_difference(&a, &b), OPTION_LIVE | OPTION_POOL);
	b.upload_max += 1;
	assert_int_equal(options_difference(&a, &b), OPTION_LIVE | OPTION_POOL | OPTION_VHOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_lists_are_checked),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_hostile_struct),
		cmocka_unit_test(test_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
