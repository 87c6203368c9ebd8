/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger in a folder of its own, among it what killed runs leave behind. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/ledger.h"
#include "tests/unit/broken_folder.h"

#define BASE 1900000000
#define ROOM 100

static char folder[64];
static struct ledger ledger = LEDGER_CLOSED;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (geteuid() != 0)
		return 0;
	(void)str_copy(folder, sizeof(folder), "/tmp/ledger.XXXXXX");
	return mkdtemp(folder) ? ledger_open(folder, &ledger, &err) : -1;
}

static int tear_down(void **state)
{
	struct err err = { 0 };
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	ledger_close(&ledger);
	return geteuid() == 0 ? file_remove_tree(tmp, folder + 5, &err) : 0;
}

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("needs root: records must be root's\n");
	skip();
}

static struct wire_tenant tenant(const char *site, const char *alias, const char *second)
{
	struct wire_tenant t = { 0 };

	(void)str_copy(t.site, sizeof(t.site), site);
	if (alias)
		(void)str_copy(t.alias[t.alias_count++], SITE_MAX, alias);
	if (second)
		(void)str_copy(t.alias[t.alias_count++], SITE_MAX, second);
	options_default(&t.options);
	return t;
}

static uint32_t issue(const struct wire_tenant *t)
{
	struct err err = { 0 };
	uint32_t number = 0;

	if (ledger_issue(&ledger, t, ROOM, BASE, &number, &err) < 0)
		fail_msg("%s", err.text);
	return number;
}

static void refused(const struct wire_tenant *t, int code)
{
	struct err err = { 0 };
	uint32_t number = 4711;

	assert_int_equal(ledger_issue(&ledger, t, ROOM, BASE, &number, &err), -1);
	assert_int_equal(err.code, code);
	assert_int_equal(number, 4711);
}

static uint32_t holder(const char *host)
{
	struct err err = { 0 };
	uint32_t number = 0;

	if (ledger_holder(&ledger, host, &number, &err) < 0)
		fail_msg("%s", err.text);
	return number;
}

static void done(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

static void test_life(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct ledger_record r;
	struct wire_tenant a = tenant("a.example", "www.a.example", NULL);
	struct wire_tenant b = tenant("b.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	assert_int_equal(issue(&a), 1);
	assert_int_equal(issue(&b), 2);
	assert_int_equal(holder("www.a.example"), 1);
	done(ledger_load(&ledger, 1, &r, &err), &err);
	assert_int_equal(r.state, LEDGER_ISSUED);
	done(ledger_built(&ledger, 1, &err), &err);
	done(ledger_retire(&ledger, 1, true, &err), &err);
	done(ledger_load(&ledger, 1, &r, &err), &err);
	assert_int_equal(r.state, LEDGER_REMOVED);
	assert_int_equal(r.is_home_kept, 1);
	assert_int_equal(holder("a.example"), 0);
	assert_int_equal(holder("www.a.example"), 0);
	assert_false(ledger_is_living(&ledger, 1));
	assert_true(ledger_is_living(&ledger, 2));
	assert_int_equal(issue(&a), 3);
	assert_int_equal(ledger_load(&ledger, 9, &r, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_SITE);
}

static void test_conflicts(void **state)
{
	(void)state;
	need_root();
	struct wire_tenant a = tenant("a.example", "www.a.example", NULL);
	struct wire_tenant alias_is_site = tenant("b.example", "a.example", NULL);
	struct wire_tenant site_is_alias = tenant("www.a.example", NULL, NULL);
	struct wire_tenant alias_is_alias = tenant("b.example", "x.example", "www.a.example");
	struct wire_tenant x = tenant("x.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	refused(&alias_is_site, ERR_CONFLICT);
	refused(&site_is_alias, ERR_CONFLICT);
	refused(&alias_is_alias, ERR_CONFLICT);
	/* A refused request has claimed nothing and spent no number. */
	assert_int_equal(holder("x.example"), 0);
	assert_int_equal(holder("b.example"), 0);
	assert_int_equal(issue(&x), 2);
}

static void test_claims(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct wire_tenant one = tenant("a.example", "x.example", "y.example");
	struct wire_tenant two = tenant("a.example", "y.example", "z.example");
	struct wire_tenant other = tenant("b.example", "z.example", NULL);

	assert_int_equal(issue(&one), 1);
	done(ledger_claim(&ledger, 1, &two, &err), &err);
	assert_int_equal(holder("x.example"), 0);
	assert_int_equal(holder("y.example"), 1);
	assert_int_equal(holder("z.example"), 1);
	refused(&other, ERR_CONFLICT);
	assert_int_equal(ledger_claim(&ledger, 1, &two, &err), 0);
}

static void test_room(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	uint32_t number = 0;
	struct wire_tenant a = tenant("a.example", NULL, NULL);
	struct wire_tenant b = tenant("b.example", NULL, NULL);

	done(ledger_issue(&ledger, &a, 1, BASE, &number, &err), &err);
	assert_int_equal(ledger_issue(&ledger, &a, 1, BASE, &number, &err), 0);	/* has one */
	assert_int_equal(ledger_issue(&ledger, &b, 1, BASE, &number, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	assert_int_equal(ledger_issue(&ledger, &b, 2, UINT64_C(4294967292), &number, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	assert_int_equal(ledger_issue(&ledger, &b, 2, UINT64_C(4294967291), &number, &err), 0);
}

/* Killed after the high-water mark: the number is spent, the name is free. */
static void test_killed_after_mark(void **state)
{
	(void)state;
	need_root();
	struct wire_tenant a = tenant("a.example", NULL, NULL);
	struct wire_tenant b = tenant("b.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	assert_int_equal(issue(&b), 2);
	assert_int_equal(unlinkat(ledger.dir, "2", 0), 0);
	assert_int_equal(unlinkat(ledger.hosts, "b.example", 0), 0);
	assert_int_equal(issue(&b), 3);
}

/* Killed after the claim and before the record: the claim counts for nobody. */
static void test_killed_after_claim(void **state)
{
	(void)state;
	need_root();
	struct wire_tenant a = tenant("a.example", "www.a.example", NULL);
	struct wire_tenant b = tenant("www.a.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	assert_int_equal(unlinkat(ledger.dir, "1", 0), 0);
	assert_int_equal(holder("a.example"), 0);
	assert_int_equal(issue(&b), 2);
	assert_int_equal(holder("www.a.example"), 2);
}

/* Killed between a claim for a living tenant and its record. */
static void test_claim_without_listing(void **state)
{
	(void)state;
	need_root();
	struct ledger_host stray = { LEDGER_MAGIC, 1 };
	struct err err = { 0 };
	struct wire_tenant a = tenant("a.example", NULL, NULL);
	struct wire_tenant b = tenant("b.example", "x.example", NULL);

	assert_int_equal(issue(&a), 1);
	done(file_write(ledger.hosts, "x.example", &stray, sizeof(stray), 0600, 0, 0, &err), &err);
	assert_int_equal(holder("x.example"), 0);
	assert_int_equal(issue(&b), 2);
	assert_int_equal(holder("x.example"), 2);
	/* Retiring the first takes nothing from the second. */
	done(ledger_retire(&ledger, 1, false, &err), &err);
	assert_int_equal(holder("x.example"), 2);
}

/* Killed after the record was retired and before the claims were dropped. */
static void test_retired_with_claims(void **state)
{
	(void)state;
	need_root();
	struct ledger_host stray = { LEDGER_MAGIC, 1 };
	struct err err = { 0 };
	struct wire_tenant a = tenant("a.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	done(ledger_retire(&ledger, 1, false, &err), &err);
	done(file_write(ledger.hosts, "a.example", &stray, sizeof(stray), 0600, 0, 0, &err), &err);
	assert_int_equal(holder("a.example"), 0);
	assert_int_equal(issue(&a), 2);
	assert_int_equal(holder("a.example"), 2);
	done(ledger_retire(&ledger, 1, false, &err), &err);	/* the second try of the removal */
	assert_int_equal(holder("a.example"), 2);
}

static void test_damage(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct ledger_record r;
	uint32_t number = 0;
	struct wire_tenant a = tenant("a.example", NULL, NULL);
	struct wire_tenant b = tenant("b.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	done(ledger_load(&ledger, 1, &r, &err), &err);
	r.alias_count = ALIASES_MAX + 1;
	done(file_write(ledger.dir, "1", &r, sizeof(r), 0600, 0, 0, &err), &err);
	assert_int_equal(ledger_load(&ledger, 1, &r, &err), -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
	refused(&b, ERR_BAD_RECORD);		/* cannot be counted */
	assert_int_equal(unlinkat(ledger.dir, "next", 0), 0);
	assert_int_equal(ledger_next(&ledger, &number, &err), -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
}

/* What may still be a site's is not taken away. */
static void test_living_in_doubt(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct ledger_record r;
	struct wire_tenant a = tenant("a.example", NULL, NULL);

	assert_int_equal(issue(&a), 1);
	done(ledger_retire(&ledger, 1, false, &err), &err);
	assert_false(ledger_is_living(&ledger, 1));
	assert_false(ledger_is_living(&ledger, 2));	/* never given */
	done(ledger_load(&ledger, 1, &r, &err), &err);
	r.magic++;
	done(file_write(ledger.dir, "1", &r, sizeof(r), 0600, 0, 0, &err), &err);
	assert_true(ledger_is_living(&ledger, 1));
}

/* Numbers may have been given, as far as can be seen: none is given again. */
static void test_mark_in_doubt(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	uint32_t number = 4711;

	broken_folder_after = 0;
	int rc = ledger_next(&ledger, &number, &err);

	broken_folder_after = -1;
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_BAD_RECORD);
	assert_int_equal(number, 4711);
	done(ledger_next(&ledger, &number, &err), &err);
	assert_int_equal(number, 1);
}

static void test_pages(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct wire_ledger_row rows[3];
	uint32_t count = 0;
	bool more = false;
	char site[32];

	for (int i = 1; i <= 5; i++) {
		(void)snprintf(site, sizeof(site), "s%d.example", i);
		struct wire_tenant t = tenant(site, NULL, NULL);

		assert_int_equal(issue(&t), i);
	}
	assert_int_equal(unlinkat(ledger.dir, "2", 0), 0);
	done(ledger_page(&ledger, 0, rows, 3, &count, &more, &err), &err);
	assert_int_equal(count, 3);
	assert_true(more);
	assert_int_equal(rows[2].number, 4);
	assert_string_equal(rows[1].site, "s3.example");
	done(ledger_page(&ledger, 4, rows, 3, &count, &more, &err), &err);
	assert_int_equal(count, 1);
	assert_false(more);
	done(ledger_page(&ledger, UINT32_MAX, rows, 3, &count, &more, &err), &err);
	assert_int_equal(count, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_life),
		CASE(test_conflicts),
		CASE(test_claims),
		CASE(test_room),
		CASE(test_killed_after_mark),
		CASE(test_killed_after_claim),
		CASE(test_claim_without_listing),
		CASE(test_retired_with_claims),
		CASE(test_damage),
		CASE(test_living_in_doubt),
		CASE(test_mark_in_doubt),
		CASE(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
