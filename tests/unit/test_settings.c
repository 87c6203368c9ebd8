/* SPDX-License-Identifier: Apache-2.0 */
/* The text of tenantd.conf: what is taken, what is refused, and with which words. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/settings_parse.h"
#include "tenants/settings_value.h"

/* Users that every machine has, so that the defaults do not matter. */
#define USERS "control_user = 101\nlog_user = 102\nadmin_group = 103\nweb_group = 104\n" \
	      "log_group = 105\nmail_user = 106\n"

static struct settings_text text;

static int parse(const char *more, struct settings *out, struct err *err)
{
	settings_text_default(&text);
	if (settings_text_read(&text, "a.conf", USERS, err) < 0 ||
	    settings_text_read(&text, "b.conf", more, err) < 0)
		return -1;
	return settings_text_finish(&text, out, err);
}

static void test_defaults(void **state)
{
	(void)state;
	struct settings s;
	struct err err = { 0 };

	if (parse("", &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(settings_check(&s, &err), 0);
	assert_string_equal(s.home_dir, "/srv/tenants");
	assert_int_equal(s.uid_base, 1900000000);
	assert_int_equal(s.control_uid, 101);
	assert_int_equal(s.log_gid, 105);
	assert_int_equal(s.allow_programs, 0);
	assert_string_equal(s.nginx_listen, "80");
}

static void test_values(void **state)
{
	(void)state;
	struct settings s;
	struct err err = { 0 };

	if (parse("  home_dir =/data/homes\t \n"
		  "# a comment\n"
		  "\n"
		  "socket.mysql = /run/mariadb # behind a value\r\n"
		  "allow_programs=yes\n"
		  "nginx_listen = 80, [::]:80, *:8080\n"
		  "php = 8.4\n"
		  "control_user = daemon", &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.home_dir, "/data/homes");
	assert_string_equal(s.socket_mysql, "/run/mariadb");
	assert_int_equal(s.allow_programs, 1);
	assert_string_equal(s.nginx_listen, "80, [::]:80, *:8080");
	assert_string_equal(s.php, "8.4");
	assert_int_equal(s.control_uid, 1);
}

static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{ "x = 1", "'b.conf' line 1: there is no setting 'x'" },
	{ "\n\nhome_dir", "'b.conf' line 3: 'home_dir' is not 'key = value'" },
	{ "= /a", "no setting ''" },
	{ "home_dir =", "'home_dir = '" },
	{ "home_dir = /", "not an absolute path" },
	{ "home_dir = /a/", "not an absolute path" },
	{ "home_dir = /a//b", "not an absolute path" },
	{ "home_dir = /a/./b", "not an absolute path" },
	{ "home_dir = /a/..", "not an absolute path" },
	{ "home_dir = a/b", "not an absolute path" },
	{ "home_dir = /a b", "not an absolute path" },
	{ "home_dir = /a$b", "not an absolute path" },
	{ "home_dir = /a\"b", "not an absolute path" },
	{ "home_dir = /var/lib/tenantd", "four different folders" },
	{ "tenants_max = -1", "not a number" },
	{ "tenants_max = 1 2", "not a number" },
	{ "tenants_max = 65537", "not in the range 1 to 65536" },
	{ "tenants_max = 99999999999999999999", "not a number" },
	{ "uid_base = 99999", "not in the range" },
	{ "uid_base = 4294967290", "not in the range" },
	{ "allow_programs = maybe", "yes or no" },
	{ "control_user = 0", "root is not allowed" },
	{ "control_user = 1900000005", "below uid_base" },
	{ "log_user = no.such.user", "no such user; make it (adduser" },
	{ "web_group = no.such.group", "no such group; make it (addgroup" },
	{ "web_group = -1", "not the name or number" },
	{ "nginx_listen = 80; include /etc/shadow", "not addresses and ports" },
	{ "nginx_listen = {", "not addresses and ports" },
	{ "nginx_listen =", "not a word" },
	{ "php = ..", "not a word" },
	{ "php = 8.2/../x", "not a version" },
	{ "cgroup_name = ../x", "not a word" },
	{ "cgroup_name = a/x", "not a name" },
	{ "net_allow = 10.0.0.5/24", "'net_allow': '10.0.0.5/24' is no network" },
	{ "net_allow = 10.0.0.5 } accept", "is not free of quotes" },
	{ "net_resolver = none", "'net_resolver'" },
	{ "net_range = 10.0.0.0/30", "not ADDRESS/BITS" },
	{ "net_table = a b", "not a name" },
	{ "net_connections = 0", "range 1 to 1000000" },
	{ "removed_keep_days = 4000", "range 0 to 3650" },
	{ "audit_rows = 99", "range 100 to 1000000" },
	{ "removals_per_hour = 0", "range 1 to 65536" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct settings s = { 0 };
		struct settings before = s;
		struct err err = { 0 };

		if (parse(bad[i].text, &s, &err) == 0)
			fail_msg("'%s' was accepted", bad[i].text);
		assert_int_equal(err.code, ERR_BAD_CONFIG);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s': %s", bad[i].text, err.text);
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

/* Twice in one file is a slip; in a later file it is meant. */
static void test_twice(void **state)
{
	(void)state;
	struct settings s;
	struct err err = { 0 };

	assert_int_equal(parse("php = 8.2\nphp = 8.4\n", &s, &err), -1);
	assert_non_null(strstr(err.text, "'b.conf' line 2: setting 'php' stands twice"));
	assert_int_equal(parse("control_user = 111\n", &s, &err), 0);
	assert_int_equal(s.control_uid, 111);
}

static void test_long(void **state)
{
	(void)state;
	char line[700];
	struct settings s;
	struct err err = { 0 };

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse(line, &s, &err), -1);
	assert_non_null(strstr(err.text, "longer than"));
	(void)str_copy(line, sizeof(line), "home_dir = /");
	memset(line + 12, 'a', 200);
	line[212] = '\0';
	assert_int_equal(parse(line, &s, &err), -1);
	assert_non_null(strstr(err.text, "longer than 199 bytes"));
	/* A socket's path holds 107 bytes. */
	(void)str_copy(line, sizeof(line), "run_dir = /");
	memset(line + 11, 'a', 90);
	line[101] = '\0';
	assert_int_equal(parse(line, &s, &err), -1);
	assert_non_null(strstr(err.text, "'run_dir'"));
}

/* A reload takes over nothing that would part a running program from its user. */
static void test_users_stay(void **state)
{
	(void)state;
	int users = 0;

	for (int i = 0; i < setting_row_count; i++) {
		struct settings now = { .control_uid = 111, .log_uid = 112, .mail_uid = 113 };
		struct settings record = now;
		struct settings before = now;
		struct err err = { 0 };

		if (setting_rows[i].type != SETTING_USER)
			continue;
		users++;
		*(uint64_t *)((char *)&record + setting_rows[i].offset) = 200;
		record.removals_per_hour = 7;
		if (settings_apply(&now, &record, &err) == 0)
			fail_msg("'%s' was taken over", setting_rows[i].key);
		assert_non_null(strstr(err.text, setting_rows[i].key));
		assert_memory_equal(&now, &before, sizeof(now));
	}
	assert_int_equal(users, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_stay),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
