/* SPDX-License-Identifier: Apache-2.0 */
/* What sites try before their plan changes: with a clock of the test's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "daemon/control/view.h"

#define SITES 6
#define TRIAL_MS 11000		/* that each takes, by the clock here */

static int64_t now_ms;
static size_t trials;

int64_t loop_now_ms(void)
{
	return now_ms;
}

int work_try(struct work *w, const struct tenant *t, struct err *err)
{
	(void)w;
	(void)t;
	(void)err;
	trials++;
	now_ms += TRIAL_MS;
	return 0;
}

int change_blame(struct outcome *o, const char *field)
{
	(void)o;
	(void)field;
	return -1;
}

json_t *view_plan(struct store *s, struct live *live, const char *name, struct err *err)
{
	(void)s;
	(void)live;
	(void)name;
	(void)err;
	return json_object();
}

static char folder[64];
static struct store *store;

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

static int set_up(void **state)
{
	char path[96];
	struct err err = { 0 };

	(void)state;
	now_ms = 1;
	trials = 0;
	(void)str_copy(folder, sizeof(folder), "/tmp/change_plan.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)str_format(path, sizeof(path), "%s/tenantd.db", folder);
	return store_open(path, &store, &err);
}

static int tear_down(void **state)
{
	struct err err = { 0 };
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	store_close(store);
	return file_remove_tree(tmp, folder + sizeof("/tmp"), &err);
}

/* A live site of the plan, with a script of its own: none stands for another. */
static void add_site(uint32_t number)
{
	struct tenant t = { .number = number, .state = TENANT_LIVE, .revision = 1 };
	char script[32];
	struct err err = { 0 };

	(void)str_format(t.site, sizeof(t.site), "s%u.example", number);
	(void)str_copy(t.plan, sizeof(t.plan), "shop");
	(void)str_format(script, sizeof(script), "preload-%u.php", number);
	must(overrides_set(&t.overrides, "preload", script, &err), &err);
	must(store_begin(store, &err), &err);
	must(store_put(store, &t, &err), &err);
	must(store_commit(store, &err), &err);
}

/* A plan of many slow sites does not hold up everybody else: what is not begun in time is
 * judged by the sites' next start. */
static void test_trials_have_an_end(void **state)
{
	static const struct settings settings = { .allow_preload = 1 };
	struct work w = { .settings = &settings, .store = store };
	struct plan shop = { .name = "shop", .parent = "default" };
	static struct change c;
	struct outcome o = { 0 };
	struct tenant none;
	struct err err = { 0 };

	(void)state;
	must(store_put_plan(store, &shop, &err), &err);
	for (uint32_t number = 1; number <= SITES; number++)
		add_site(number);
	(void)str_copy(c.name, sizeof(c.name), "shop");
	must(overrides_set(&c.options, "opcache_memory", "64M", &err), &err);
	must(change_plan_set(&w, &c, &none, &o, &err), &err);
	assert_int_equal(trials, 3);		/* at 0, 11 and 22 s */
	assert_string_equal(o.note, "plan shop is so; sites that follow: 6; tried in 3");
	json_decref(o.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_trials_have_an_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
