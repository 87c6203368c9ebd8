/* SPDX-License-Identifier: Apache-2.0 */
/* PHP-FPM's configuration for import: its grammar, and what each directive becomes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "admin-cli/fpm_map.h"
#include "base/str.h"
#include "schema/errors.h"

static const struct line_case {
	const char *line;
	enum fpm_kind kind;
	const char *name, *key, *value;
	bool is_computed;
} line_cases[] = {
	{ "", FPM_BLANK, "", "", "", false },
	{ " \t; [x]", FPM_BLANK, "", "", "", false },
	{ "[www]", FPM_SECTION, "www", "", "", false },
	{ " [ my site.example ] ; it", FPM_SECTION, "my site.example", "", "", false },
	{ "pm = static", FPM_ENTRY, "pm", "", "static", false },
	{ "pm.process_idle_timeout = 10s;", FPM_ENTRY,
	  "pm.process_idle_timeout", "", "10s", false },
	{ "pm=\r", FPM_ENTRY, "pm", "", "", false },
	{ "clear_env = No", FPM_ENTRY, "clear_env", "", "", false },
	{ "clear_env = \"no\"", FPM_ENTRY, "clear_env", "", "no", false },
	{ "clear_env = yes ; always", FPM_ENTRY, "clear_env", "", "1", false },
	{ "env[TMP] = /tmp", FPM_ENTRY, "env", "TMP", "/tmp", false },
	{ "env[ 'TMP' ]=a b ", FPM_ENTRY, "env", "TMP", "a b", false },
	{ "x = \"a; \\\"b\\\" \\n=\" c", FPM_ENTRY, "x", "", "a; \"b\" \\n= c", false },
	{ "x = 'a\"\\'", FPM_ENTRY, "x", "", "a\"\\", false },
	{ "access.suppress_path[] = /ping", FPM_ENTRY, "access.suppress_path", "", "/ping", false },
	{ "x = E_ALL & ~E_NOTICE", FPM_ENTRY, "x", "", "E_ALL & ~E_NOTICE", true },
	{ "x = E_ALL", FPM_ENTRY, "x", "", "E_ALL", true },
	{ "x = \"E_ALL\"", FPM_ENTRY, "x", "", "E_ALL", false },
	{ "x = \"${HOME}/x\"", FPM_ENTRY, "x", "", "${HOME}/x", true },
	{ "x = /run/$pool.sock", FPM_ENTRY, "x", "", "/run/$pool.sock", false },
};

static const char *const refused_lines[] = {
	"pm", "= x", "[www", "[]", "[www] x", "env[TMP = x", "x = \"a", "x = 'a",
	"x = a=b", "#comment", "{x} = y", "env[A] x",
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(line_cases); i++) {
		const struct line_case *c = &line_cases[i];
		struct fpm_line line;
		struct err err = { 0 };

		if (fpm_line_parse(c->line, strlen(c->line), &line, &err) < 0)
			fail_msg("'%s': %s", c->line, err.text);
		assert_int_equal(line.kind, c->kind);
		assert_string_equal(line.name, c->name);
		assert_string_equal(line.key, c->key);
		assert_string_equal(line.value, c->value);
		if (line.is_computed != c->is_computed)
			fail_msg("'%s' is computed: %d", c->line, line.is_computed);
	}
}

static void test_refused_lines(void **state)
{
	static char longest[FPM_LINE_MAX];
	struct fpm_line line = { .value = "untouched" };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused_lines); i++) {
		if (fpm_line_parse(refused_lines[i], strlen(refused_lines[i]), &line, &err) == 0)
			fail_msg("'%s' was taken", refused_lines[i]);
		assert_int_equal(err.code, ERR_USAGE);
	}
	assert_int_equal(fpm_line_parse("x = a\0b", 7, &line, &err), -1);
	memset(longest, 'x', sizeof(longest));
	longest[1] = '=';
	assert_int_equal(fpm_line_parse(longest, sizeof(longest), &line, &err), -1);
	assert_int_equal(fpm_line_parse(longest, OPTION_LIST_MAX + 2, &line, &err), -1);
	assert_string_equal(line.value, "untouched");
	assert_int_equal(fpm_line_parse(longest, OPTION_LIST_MAX + 1, &line, &err), 0);
}

/* OPTION "" : dropped, and MORE is in the reason. */
static const struct map_case {
	const char *line, *option, *more;
} map_cases[] = {
	{ "pm = dynamic", "pm", "dynamic" },
	{ "pm.max_children = 12", "max_children", "12" },
	{ "pm.max_children = 0", "", "range" },
	{ "pm.process_idle_timeout = 10s;", "process_idle_timeout", "10s" },
	{ "request_terminate_timeout = 0", "", "range" },
	{ "rlimit_files = 2048", "open_files", "2048" },
	{ "listen.backlog = -1", "", "range" },
	{ "access.log = /var/log/$pool.log", "access_log", "yes" },
	{ "clear_env = no", "clear_env", "no" },
	{ "security.limit_extensions = .php .php7", "limit_extensions", ".php .php7" },
	{ "security.limit_extensions =", "", "at least one" },
	{ "pm.status_path = /status", "status_path", "/status" },
	{ "env[APP] = $pool-1", "env.APP", "a.example-1" },
	{ "env[APP] = at-$pool-$pool", "env.APP", "at-a.example-a.example" },
	{ "env[HOSTNAME] = $HOSTNAME", "", "environment" },
	{ "env[LD_PRELOAD] = x", "", "loader" },
	{ "php_value[precision] = 5", "php_value.precision", "5" },
	{ "php_flag[display_errors] = off", "php_value.display_errors", "0" },
	{ "php_admin_flag[log_errors] = \"on\"", "php_admin_value.log_errors", "1" },
	{ "php_admin_value[memory_limit] = 256M", "memory_limit", "256M" },
	{ "php_value[memory_limit] = -1", "", "range" },
	{ "php_value[post_max_size] = 20M", "upload_max", "20M" },
	{ "php_admin_value[opcache.memory_consumption] = 64", "opcache_memory", "64M" },
	{ "php_admin_value[apc.shm_size] = 16M", "apcu_memory", "16M" },
	{ "php_admin_value[extension] = gd.so", "extensions", "gd" },
	{ "php_admin_value[disable_functions] = exec,system", "disable_functions", "exec,system" },
	{ "php_admin_value[user_ini.filename] =", "user_ini", "no" },
	{ "php_admin_value[user_ini.filename] = .user.ini", "user_ini", "yes" },
	{ "php_admin_value[user_ini.filename] = my.ini", "", ".user.ini" },
	{ "php_admin_value[error_log] = /x", "", "locked" },
	{ "php_admin_value[open_basedir] = /var/www/$pool:/tmp", "", "own files" },
	{ "php_admin_value[open_basedir] = /tmp:/usr/share/php", "php_admin_value.open_basedir",
	  "/tmp:/usr/share/php" },
	{ "php_value[session.save_path] = /var/lib/php/sessions", "", "sessions" },
	{ "php_value[session.save_path] = \"2;/var/lib/php/s\"", "", "sessions" },
	{ "php_value[session.save_path] = \"tcp://127.0.0.1:6379\"", "php_value.session.save_path",
	  "tcp://127.0.0.1:6379" },
	{ "php_value[upload_tmp_dir] = /var/tmp", "", "home" },
	{ "php_value[include_path] = .:/usr/share/php", "php_value.include_path",
	  ".:/usr/share/php" },
	{ "php_value[include_path] = .:/srv/lib", "", "home" },
	{ "php_value[auto_prepend_file] = init.php", "php_value.auto_prepend_file", "init.php" },
	{ "php_value[error_reporting] = E_ALL & ~E_NOTICE", "", "number" },
	{ "user = www-data", "", "of its own" },
	{ "access.suppress_path[] = /ping", "", "joined by commas" },
	{ "pm[x] = static", "", "no such" },
	{ "max_children = 5", "", "no such" },
	{ "php_value = 5", "", "no such" },
};

static void test_map(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(map_cases); i++) {
		const struct map_case *c = &map_cases[i];
		struct fpm_mapped m;
		struct fpm_line line;
		struct err err = { 0 };

		if (fpm_line_parse(c->line, strlen(c->line), &line, &err) < 0)
			fail_msg("'%s': %s", c->line, err.text);
		fpm_map(&line, "a.example", &m);
		if (strcmp(m.option, c->option) != 0 ||
		    (*c->option ? strcmp(m.value, c->more) != 0 || m.why[0]
				: !strstr(m.why, c->more)))
			fail_msg("'%s': '%s'='%s' (%s)", c->line, m.option, m.value, m.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
