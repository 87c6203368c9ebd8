/* SPDX-License-Identifier: Apache-2.0 */
/* What of a spec needs a new pool, and records that are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/supervisor/tenant_spec.h"
#include "schema/errors.h"
#include "schema/pool_spec.h"
#include "tests/unit/broken_folder.h"

static struct jail_spec jail;
static struct pool_spec pool;

static void pack(void)
{
	memcpy(jail.payload, &pool, sizeof(pool));
	jail.payload_size = sizeof(pool);
}

static int setup(void **state)
{
	(void)state;
	jail = (struct jail_spec){ .magic = SPEC_MAGIC, .version = SPEC_VERSION,
				   .size = sizeof(jail), .number = 17, .uid = 1900000017,
				   .gid = 1900000017, .revision = 4, .tmp_size = 1 << 20,
				   .shm_size = 1 << 20, .hostname = "site", .user = "t17",
				   .home = "/srv/tenants/site.example",
				   .program = "/usr/libexec/tenantd/php/8/tenant-pool",
				   .runtime = "/usr/libexec/tenantd/php/8",
				   .limits = { .memory_max = 512 << 20, .pids_max = 100,
					       .cpu_quota = 100, .cpu_weight = 100,
					       .open_files = 1024,
					       .io_weight = 100, .io_max = UINT64_MAX } };
	pool = (struct pool_spec){ .magic = POOL_SPEC_MAGIC, .version = POOL_SPEC_VERSION,
				   .size = sizeof(pool), .number = 17, .uid = 1900000017,
				   .gid = 1900000017, .site = "site.example" };
	options_default(&pool.options);
	pack();
	return 0;
}

static uint64_t key(void)
{
	struct tenant_spec spec = { 0 };
	struct err err = { 0 };

	pack();
	if (tenant_spec_from(&jail, 17, &spec, &err) < 0)
		fail_msg("%s", err.text);
	return spec.pool_key;
}

static void test_facts(void **state)
{
	(void)state;
	struct tenant_spec spec = { 0 };
	struct err err = { 0 };

	jail.flags = SPEC_SUSPENDED;
	assert_int_equal(tenant_spec_from(&jail, 17, &spec, &err), 0);
	assert_string_equal(spec.site, "site.example");
	assert_true(spec.is_suspended);
	assert_int_equal(spec.revision, 4);
	assert_int_equal(spec.max_children, pool.options.max_children);
	assert_int_equal(spec.drain_s, pool.options.request_terminate_timeout);
	assert_int_equal(spec.limits.memory_max, 512 << 20);
}

/* The scope of each option's row decides, and nothing else. */
static void test_key_follows_scopes(void **state)
{
	(void)state;
	uint64_t before = key();

	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];

		(void)setup(NULL);
		if (option_size(row) > sizeof(uint64_t)) {
			bool is_ending = row->id == OPT_limit_extensions;
			bool is_address = row->type == OPTION_URI ||
					  row->id == OPT_access_suppress_path;

			(void)str_copy((char *)&pool.options + row->offset, OPTION_TEXT_MAX,
				       row->type == OPTION_KEYED ? "W=b\n"
				       : is_ending		 ? ".web"
				       : is_address			 ? "/web"
				       : row->type == OPTION_VERSION	 ? "8.0"
									 : "web");
		} else {
			uint64_t *value = (uint64_t *)(void *)((char *)&pool.options + row->offset);

			*value = *value == row->max ? row->min : row->max;
		}
		if ((key() != before) != ((row->scope & OPTION_POOL) != 0))
			fail_msg("%s: the key %s", row->name,
				 key() != before ? "changed" : "is the same");
	}
}

static void test_key_of_the_jail(void **state)
{
	(void)state;
	uint64_t before = key();

	jail.revision = 99;
	jail.limits.memory_max = 1 << 30;
	jail.limits.cpu_quota = 5;
	jail.flags = SPEC_SUSPENDED;
	assert_true(key() == before);
	jail.limits.open_files = 64;
	assert_true(key() != before);
	(void)setup(NULL);
	(void)str_copy(jail.runtime, sizeof(jail.runtime), "/usr/libexec/tenantd/php/9");
	(void)str_copy(jail.program, sizeof(jail.program),
		       "/usr/libexec/tenantd/php/9/tenant-pool");
	assert_true(key() != before);
	(void)setup(NULL);
	jail.flags = SPEC_PROGRAMS;
	assert_true(key() != before);
	(void)setup(NULL);
	jail.bind_count = 1;
	(void)str_copy(jail.bind[0].source, SPEC_PATH_MAX, "/run/mysqld");
	(void)str_copy(jail.bind[0].target, SPEC_PATH_MAX, "/run/mysqld");
	assert_true(key() != before);
}

static void refuse(const char *what)
{
	struct tenant_spec spec = { 0 };
	struct err err = { 0 };

	memcpy(jail.payload, &pool, sizeof(pool));
	if (tenant_spec_from(&jail, 17, &spec, &err) == 0)
		fail_msg("%s was accepted", what);
	assert_int_not_equal(err.code, 0);
	assert_int_equal(spec.uid, 0);
	(void)setup(NULL);
}

static void test_damaged(void **state)
{
	(void)state;
	jail.magic++;
	refuse("another magic");
	jail.number = 18;
	refuse("another number");
	jail.payload_size--;
	refuse("a short payload");
	pool.version++;
	refuse("another version of the pool's part");
	pool.number = 18;
	refuse("the pool's part of another tenant");
	memset(pool.site, 'a', sizeof(pool.site));
	refuse("a name without an end");
	(void)str_copy(pool.site, sizeof(pool.site), "../etc");
	refuse("a path for a name");
	(void)str_copy(pool.site, sizeof(pool.site), "");
	refuse("no name");
	pool.options.max_children = 0;
	refuse("an option out of range");
}

static int count(uint32_t number, void *arg)
{
	*(uint32_t *)arg += number;
	return 0;
}

/* A folder of which only a part can be read: else the other sites' pools would be taken
 * for leftovers. */
static void test_part_of_a_folder(void **state)
{
	(void)state;
	char path[] = "/tmp/specs.XXXXXX";
	uint32_t sum = 0;
	struct err err = { 0 };

	assert_non_null(mkdtemp(path));
	struct place p = { .spec_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	static const char *const names[] = { "4", "13", "13.new", "0", "x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mkdirat(p.spec_dir, names[i], 0700), 0);
	assert_int_equal(tenant_spec_each(&p, count, &sum, &err), 0);
	assert_int_equal(sum, 17);
	broken_folder_after = 3;
	assert_int_equal(tenant_spec_each(&p, count, &sum, &err), -1);
	assert_int_not_equal(err.code, 0);
	broken_folder_after = -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(unlinkat(p.spec_dir, names[i], AT_REMOVEDIR), 0);
	assert_int_equal(close(p.spec_dir), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_facts, setup),
		cmocka_unit_test_setup(test_key_follows_scopes, setup),
		cmocka_unit_test_setup(test_key_of_the_jail, setup),
		cmocka_unit_test_setup(test_damaged, setup),
		cmocka_unit_test(test_part_of_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
