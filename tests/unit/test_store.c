/* SPDX-License-Identifier: Apache-2.0 */
/* The database: rows come back as they were put, conflicts and damage are seen. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/store/store.h"

struct bench {
	char folder[64];
	char path[96];
	struct store *store;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err err = { 0 };

	if (!b)
		return -1;
	(void)str_copy(b->folder, sizeof(b->folder), "/tmp/test_store.XXXXXX");
	if (!mkdtemp(b->folder))
		return -1;
	(void)str_format(b->path, sizeof(b->path), "%s/tenantd.db", b->folder);
	*state = b;
	return store_open(b->path, &b->store, &err);
}

static int teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	struct bench *b = *state;
	char path[128];

	store_close(b->store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)str_format(path, sizeof(path), "%s%s", b->path, names[i]);
		(void)unlink(path);	/* the last two go with the last connection */
	}
	int rc = rmdir(b->folder);

	free(b);
	return rc;
}

static struct tenant sample(uint32_t number, const char *site)
{
	struct tenant t = { .number = number, .state = TENANT_LIVE, .revision = 3 };
	struct err err = { 0 };

	(void)str_copy(t.site, sizeof(t.site), site);
	(void)str_copy(t.plan, sizeof(t.plan), "small");
	(void)str_format(t.alias[0], SITE_MAX, "www.%s", site);
	(void)str_format(t.alias[1], SITE_MAX, "a.%s", site);
	t.alias_count = 2;
	assert_int_equal(overrides_set(&t.overrides, "memory_max", "1024M", &err), 0);
	assert_int_equal(overrides_set(&t.overrides, "sockets", "mysql", &err), 0);
	assert_int_equal(overrides_set(&t.overrides, "env.B", "2", &err), 0);
	assert_int_equal(overrides_set(&t.overrides, "env.A", "1", &err), 0);
	return t;
}

static void put(struct bench *b, const struct tenant *t)
{
	struct err err = { 0 };

	if (store_begin(b->store, &err) < 0 || store_put(b->store, t, &err) < 0 ||
	    store_commit(b->store, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_round_trip(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(7, "site.example");
	struct tenant got;
	struct err err = { 0 };
	struct stat st;

	put(b, &t);
	assert_int_equal(store_find(b->store, "site.example", &got, &err), 0);
	assert_int_equal(got.number, 7);
	assert_int_equal(got.revision, 3);
	assert_true(got.created_at > 0 && got.changed_at >= got.created_at);
	assert_true(tenant_wants_same(&t, &got));
	/* aliases in their order, values canonical */
	assert_string_equal(got.alias[0], "www.site.example");
	assert_string_equal(got.overrides.of[OPT_memory_max].text, "1G");
	assert_string_equal(got.overrides.of[OPT_env].text, "A=1\nB=2\n");
	assert_int_equal(store_find_number(b->store, 7, &got, &err), 0);
	assert_int_equal(store_find(b->store, "www.site.example", &got, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_SITE);
	/* a second put replaces: one alias and one option fewer */
	t.alias_count = 1;
	t.overrides.of[OPT_sockets].is_set = false;
	t.is_suspended = true;
	put(b, &t);
	assert_int_equal(store_find(b->store, "site.example", &got, &err), 0);
	assert_true(tenant_wants_same(&t, &got) && got.is_suspended);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_names_are_unique(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(1, "site.example");
	struct tenant other = sample(2, "www.site.example");
	char holder[SITE_MAX];
	struct err err = { 0 };

	put(b, &t);
	/* a site that is somebody's alias */
	assert_int_equal(store_put(b->store, &other, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	/* an alias that is a site, and one that is an alias */
	other = sample(2, "other.example");
	(void)str_copy(other.alias[0], SITE_MAX, "site.example");
	assert_int_equal(store_begin(b->store, &err), 0);
	assert_int_equal(store_put(b->store, &other, &err), -1);
	store_rollback(b->store);
	(void)str_copy(other.alias[0], SITE_MAX, "www.site.example");
	assert_int_equal(store_begin(b->store, &err), 0);
	assert_int_equal(store_put(b->store, &other, &err), -1);
	store_rollback(b->store);
	assert_int_equal(store_find(b->store, "other.example", &other, &err), -1);
	assert_int_equal(store_holder(b->store, "www.site.example", holder, &err), 0);
	assert_string_equal(holder, "site.example");
	assert_int_equal(store_holder(b->store, "free.example", holder, &err), 0);
	assert_string_equal(holder, "");
}

static void test_unknown_plan(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(1, "site.example");
	struct overrides plan = { 0 };
	struct err err = { 0 };

	(void)str_copy(t.plan, sizeof(t.plan), "huge");
	assert_int_equal(store_put(b->store, &t, &err), -1);
	assert_int_equal(store_plan(b->store, "huge", &plan, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_PLAN);
	assert_non_null(strstr(err.text, "'huge'; there are 'default', 'small'"));
	assert_int_equal(store_plan(b->store, "small", &plan, &err), 0);
	assert_true(plan.of[OPT_memory_max].is_set && plan.of[OPT_max_children].is_set);
	assert_false(plan.of[OPT_pids_max].is_set);
}

static void test_kept(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(4, "site.example");
	struct tenant got;
	struct err err = { 0 };

	(void)str_copy(t.reason, sizeof(t.reason), "not paid");
	t.is_suspended = true;
	put(b, &t);
	assert_int_equal(store_kept(b->store, 4, KEPT_REMOVED, &got, &err), 0);
	assert_int_equal(store_keep(b->store, 4, KEPT_REMOVED, &err), 0);
	assert_int_equal(store_keep(b->store, 4, KEPT_REMOVED, &err), 0);
	assert_int_equal(store_delete(b->store, 4, &err), 0);
	assert_int_equal(store_kept(b->store, 4, KEPT_BEFORE, &got, &err), 0);
	assert_int_equal(store_kept(b->store, 4, KEPT_REMOVED, &got, &err), 1);
	assert_true(tenant_wants_same(&t, &got) && got.is_suspended);
	assert_string_equal(got.reason, "not paid");
	assert_int_equal(got.state, TENANT_LIVE);
	assert_int_equal(store_drop_kept(b->store, 4, KEPT_REMOVED, &err), 0);
	assert_int_equal(store_kept(b->store, 4, KEPT_REMOVED, &got, &err), 0);
}

static int see(const struct store_row *row, void *ctx)
{
	uint32_t *sum = ctx;

	*sum = *sum * 10 + row->number + (row->is_pending ? 5 : 0);
	return 0;
}

static void test_walk(void **state)
{
	struct bench *b = *state;
	struct tenant one = sample(1, "z.example");
	struct tenant two = sample(2, "b.example");
	uint64_t counts[TENANT_STATES];
	struct err err = { 0 };
	uint32_t sum = 0;

	two.state = TENANT_FAILED;
	put(b, &one);
	put(b, &two);
	assert_int_equal(store_keep(b->store, 1, KEPT_BEFORE, &err), 0);
	assert_int_equal(store_each(b->store, see, &sum, &err), 0);
	assert_int_equal(sum, 26);	/* by name: 2, then 1 which is pending */
	/* What a plan has raised is pending until it is put. */
	assert_int_equal(store_raise(b->store, 2, &err), 0);
	sum = 0;
	assert_int_equal(store_each(b->store, see, &sum, &err), 0);
	assert_int_equal(sum, 76);
	put(b, &two);
	sum = 0;
	assert_int_equal(store_each(b->store, see, &sum, &err), 0);
	assert_int_equal(sum, 26);
	assert_int_equal(store_count(b->store, counts, &err), 0);
	assert_int_equal(counts[0], 2);
	assert_int_equal(counts[TENANT_FAILED], 1);
	assert_int_equal(counts[TENANT_LIVE], 1);
}

static void test_reader(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(1, "site.example");
	struct store *reader = NULL;
	struct tenant got;
	struct err err = { 0 };

	assert_int_equal(store_open_reader(b->path, &reader, &err), 0);
	/* it sees commits, not what is still open, and writes nothing */
	assert_int_equal(store_begin(b->store, &err), 0);
	assert_int_equal(store_put(b->store, &t, &err), 0);
	assert_int_equal(store_find(reader, "site.example", &got, &err), -1);
	assert_int_equal(store_commit(b->store, &err), 0);
	assert_int_equal(store_find(reader, "site.example", &got, &err), 0);
	assert_int_equal(store_delete(reader, 1, &err), -1);
	assert_int_equal(err.code, ERR_DISK);
	store_close(reader);
}

/* Runs SQL by another process, whose locks meet ours.  Its output into OUT. */
static void foreign(const struct bench *b, const char *sql, char *out, size_t size)
{
	static const char script[] =
		"import sqlite3, sys\n"
		"db = sqlite3.connect(sys.argv[1], timeout=30)\n"
		"print(*db.execute(sys.argv[2]).fetchall())\n"
		"db.commit()\n"
		"db.close()\n";
	int ends[2] = { -1, -1 };
	int status = -1;
	size_t used = 0;
	ssize_t n = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();

	if (child == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			(void)execl("/usr/bin/python3", "python3", "-c", script, b->path, sql,
				    (char *)NULL);
		_exit(127);
	}
	assert_true(child > 0);
	(void)close(ends[1]);
	while (used + 1 < size && (n = read(ends[0], out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Opening the file a second time and closing it again must not drop the locks of
 * the first connection: a foreign process that thinks itself alone takes the
 * log away with it when it closes, and with the log what is written later. */
static void test_locks_outlive_a_second_opening(void **state)
{
	struct bench *b = *state;
	struct tenant t = sample(1, "site.example");
	struct store *second = NULL;
	struct tenant got;
	struct err err = { 0 };
	char path[128], out[256];

	put(b, &t);
	assert_int_equal(store_open(b->path, &second, &err), 0);
	store_close(second);
	foreign(b, "UPDATE tenant SET revision = 77", out, sizeof(out));
	(void)str_format(path, sizeof(path), "%s-wal", b->path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(store_find(b->store, "site.example", &got, &err), 0);
	assert_int_equal(got.revision, 77);
	t = sample(2, "other.example");
	put(b, &t);
	foreign(b, "SELECT number, revision FROM tenant ORDER BY number", out, sizeof(out));
	assert_string_equal(out, "(1, 77) (2, 3)\n");
}

static void test_no_folder(void **state)
{
	struct store *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(store_open("/nonexistent/tenantd.db", &s, &err), -1);
	assert_int_equal(err.code, ERR_DISK);
	assert_non_null(strstr(err.text, "/nonexistent/tenantd.db"));
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_are_unique, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locks_outlive_a_second_opening, setup,
						teardown),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
