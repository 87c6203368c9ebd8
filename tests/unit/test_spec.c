/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged or foreign jail spec ends in a sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "sandbox/spec.h"
#include "schema/errors.h"

static const struct jail_spec good = {
	.magic = SPEC_MAGIC, .version = SPEC_VERSION, .size = sizeof(good),
	.number = 7, .uid = 1900000007, .gid = 1900000007, .bind_count = 1,
	.tmp_size = 1, .shm_size = 1, .hostname = "site-7.example", .user = "t7",
	.home = "/srv/tenants/site.example", .program = "/usr/libexec/tenantd/php/8.2/tenant-pool",
	.runtime = "/usr/libexec/tenantd/php/8.2",
	.limits = { .memory_max = UINT64_MAX, .memory_swap_max = 0, .pids_max = 100,
		    .cpu_quota = 100, .cpu_weight = 100, .open_files = 1024,
		    .io_weight = 100, .io_max = UINT64_MAX },
	.bind = { { .source = "/run/mysqld", .target = "/run/mysqld",
		    .flags = SPEC_BIND_OPTIONAL } },
};

static void good_one(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(spec_check(&good, &err), 0);
}

#define NUMBER(field, value) static void set_##field(struct jail_spec *s) { s->field = (value); }
NUMBER(magic, 1)
NUMBER(version, SPEC_VERSION + 1)
NUMBER(size, sizeof(good) - 1)
NUMBER(flags, 16)
NUMBER(number, 0)
NUMBER(uid, 0)
NUMBER(gid, UINT32_MAX)
NUMBER(bind_count, SPEC_BINDS_MAX + 1)
NUMBER(tmp_size, 0)
NUMBER(payload_size, SPEC_PAYLOAD_MAX + 1)

#define LIMIT(field, value) \
	static void limit_##field(struct jail_spec *s) { s->limits.field = (value); }
LIMIT(memory_max, 4096)
LIMIT(pids_max, 0)
LIMIT(open_files, 3)
LIMIT(cpu_quota, UINT64_MAX - 1)
LIMIT(cpu_weight, 10001)

static void set_bind_flags(struct jail_spec *s)
{
	s->bind[0].flags = 4;
}

static void numbers(void **state)
{
	static const struct { void (*set)(struct jail_spec *s); const char *says; } cases[] = {
		{ set_magic, "version" }, { set_version, "version" }, { set_size, "version" },
		{ set_flags, "flags" }, { set_number, "number 0" }, { set_uid, "uid 0" },
		{ set_gid, "gid 4294967295" }, { set_bind_count, "binds" },
		{ set_tmp_size, "without a size" }, { set_payload_size, "payload" },
		{ set_bind_flags, "flags" },
		{ limit_memory_max, "memory" }, { limit_pids_max, "process" },
		{ limit_open_files, "open files" }, { limit_cpu_quota, "CPU quota" },
		{ limit_cpu_weight, "CPU weight" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jail_spec s = good;
		struct err err = { 0 };

		cases[i].set(&s);
		assert_int_equal(spec_check(&s, &err), -1);
		assert_int_equal(err.code, ERR_BAD_RECORD);
		assert_non_null(strstr(err.text, cases[i].says));
	}
}

/* Every text of the record, once without its end and once with bad content. */
static void texts(void **state)
{
	static const struct { size_t offset, size; } fields[] = {
		{ offsetof(struct jail_spec, hostname), sizeof(good.hostname) },
		{ offsetof(struct jail_spec, user), sizeof(good.user) },
		{ offsetof(struct jail_spec, home), SPEC_PATH_MAX },
		{ offsetof(struct jail_spec, program), SPEC_PATH_MAX },
		{ offsetof(struct jail_spec, runtime), SPEC_PATH_MAX },
		{ offsetof(struct jail_spec, bind[0].source), SPEC_PATH_MAX },
		{ offsetof(struct jail_spec, bind[0].target), SPEC_PATH_MAX },
	};
	static const char *const bad[] = { "", "-a", "a\n", "a:b", "relative/path/..", " " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct jail_spec s = good;
		struct err err = { 0 };

		memset((char *)&s + fields[i].offset, 'a', fields[i].size);
		assert_int_equal(spec_check(&s, &err), -1);
		for (size_t b = 0; b < ARRAY_SIZE(bad); b++) {
			s = good;
			memset((char *)&s + fields[i].offset, 0, fields[i].size);
			memcpy((char *)&s + fields[i].offset, bad[b], strlen(bad[b]));
			assert_int_equal(spec_check(&s, &err), -1);
			assert_int_equal(err.code, ERR_BAD_RECORD);
		}
	}
}

static void paths(void **state)
{
	static const struct { const char *home; int rc; } cases[] = {
		{ "/a", 0 }, { "/srv/a.b/..c", 0 }, { "/srv/...", 0 }, { "/", -1 }, { "//", -1 },
		{ "/a/", -1 }, { "/a//b", -1 }, { "/a/./b", -1 }, { "/a/../b", -1 }, { "/..", -1 },
		{ "/.", -1 }, { "a", -1 }, { "", -1 }, { "/a\nb", -1 }, { "/a\x7f", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jail_spec s = good;
		struct err err = { 0 };

		assert_int_equal(str_copy(s.home, sizeof(s.home), cases[i].home), 0);
		assert_int_equal(spec_check(&s, &err), cases[i].rc);
	}
}

static void program_lies_in_runtime(void **state)
{
	static const char *const outside[] = { "/usr/bin/php", "/usr/libexec/tenantd/php/8.2",
					       "/usr/libexec/tenantd/php/8.22/tenant-pool" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		struct jail_spec s = good;
		struct err err = { 0 };

		assert_int_equal(str_copy(s.program, sizeof(s.program), outside[i]), 0);
		assert_int_equal(spec_check(&s, &err), -1);
		assert_non_null(strstr(err.text, "not beneath"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_one),
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(paths),
		cmocka_unit_test(program_lies_in_runtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
