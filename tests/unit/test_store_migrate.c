/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: in order, each whole or not at all, with a copy before each. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/store/migrate.h"
#include "tenants/store/sql.h"

static const struct migration steps[] = {
	{ "0001_a", "CREATE TABLE a (x TEXT) STRICT; INSERT INTO a VALUES ('one');" },
	{ "0002_b", "CREATE TABLE b (x TEXT) STRICT; INSERT INTO b SELECT x FROM a;" },
	{ "0003_broken", "CREATE TABLE c (x TEXT) STRICT; INSERT INTO nowhere VALUES (1);" },
};

struct bench {
	char folder[64];
	char path[96];
	sqlite3 *db;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	(void)str_copy(b->folder, sizeof(b->folder), "/tmp/test_migrate.XXXXXX");
	if (!mkdtemp(b->folder))
		return -1;
	(void)str_format(b->path, sizeof(b->path), "%s/t.db", b->folder);
	*state = b;
	return sqlite3_open(b->path, &b->db);
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	(void)sqlite3_close(b->db);
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = tmp < 0 ? -1 : file_remove_tree(tmp, b->folder + strlen("/tmp/"), &err);

	free(b);
	return rc;
}

static int64_t number(sqlite3 *db, const char *sql)
{
	SQL_STMT *stmt = NULL;
	struct err err = { 0 };

	if (sql_prepare(db, &stmt, &err, sql, "") < 0 || sql_step(db, stmt, &err) < 1)
		return -1;
	return sqlite3_column_int64(stmt, 0);
}

static void test_forward(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	char copy[128];
	struct stat st;
	sqlite3 *old = NULL;

	assert_int_equal(migrate(b->db, b->path, steps, 1, &err), 0);
	assert_int_equal(number(b->db, "PRAGMA user_version"), 1);
	(void)str_format(copy, sizeof(copy), "%s.before-1", b->path);
	assert_int_equal(stat(copy, &st), -1);		/* there was nothing to copy */
	assert_int_equal(migrate(b->db, b->path, steps, 2, &err), 0);
	assert_int_equal(number(b->db, "SELECT count(*) FROM b"), 1);
	(void)str_format(copy, sizeof(copy), "%s.before-2", b->path);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(sqlite3_open(copy, &old), SQLITE_OK);
	assert_int_equal(number(old, "PRAGMA user_version"), 1);
	assert_int_equal(number(old, "SELECT count(*) FROM a"), 1);
	assert_int_equal(sqlite3_close(old), SQLITE_OK);
	/* again: nothing to do, no new copy */
	assert_int_equal(unlink(copy), 0);
	assert_int_equal(migrate(b->db, b->path, steps, 2, &err), 0);
	assert_int_equal(stat(copy, &st), -1);
}

static void test_broken(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	assert_int_equal(migrate(b->db, b->path, steps, 3, &err), -1);
	assert_non_null(strstr(err.text, "0003_broken"));
	assert_int_equal(number(b->db, "PRAGMA user_version"), 2);
	assert_int_equal(number(b->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
}

static void test_newer(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	assert_int_equal(migrate(b->db, b->path, steps, 2, &err), 0);
	assert_int_equal(migrate(b->db, b->path, steps, 1, &err), -1);
	assert_int_equal(err.code, ERR_SCHEMA);
	assert_non_null(strstr(err.text, "before-2"));
}

static void test_foreign(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	assert_int_equal(sql_run(b->db, "CREATE TABLE theirs (x)", &err), 0);
	assert_int_equal(migrate(b->db, b->path, steps, 1, &err), -1);
	assert_int_equal(err.code, ERR_SCHEMA);
}

static void test_damaged(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };
	int fd = open(b->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "this is no database, it is a letter", 35), 35);
	(void)close(fd);
	assert_int_equal(migrate(b->db, b->path, steps, 1, &err), -1);
	assert_int_equal(err.code, ERR_SCHEMA);
}

static void test_own(void **state)
{
	struct bench *b = *state;
	struct err err = { 0 };

	if (migrate(b->db, b->path, migrations, migration_count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number(b->db, "PRAGMA user_version"), migration_count);
	assert_int_equal(number(b->db, "SELECT count(*) FROM plan"), 2);
	assert_int_equal(number(b->db, "SELECT count(*) FROM pragma_table_list WHERE type = "
				"'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
