/* SPDX-License-Identifier: Apache-2.0 */
/* The table of facets below a folder of its own: make, check, undo, damage. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"
#include "tenants/build_job.h"
#include "tenants/facets/facet.h"

static char folder[64];
static struct settings settings;
static struct ledger ledger = LEDGER_CLOSED;
static struct wire_tenant tenant;
static char steps[256];

static void path_setting(char field[SETTING_TEXT_MAX], const char *name)
{
	(void)snprintf(field, SETTING_TEXT_MAX, "%s/%s", folder, name);
}

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (geteuid() != 0)
		return 0;
	(void)str_copy(folder, sizeof(folder), "/tmp/facets.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	memset(&settings, 0, sizeof(settings));
	path_setting(settings.home_dir, "homes");
	path_setting(settings.state_dir, "state");
	path_setting(settings.run_dir, "run");
	path_setting(settings.log_dir, "log");
	path_setting(settings.libexec_dir, "libexec");
	(void)str_copy(settings.php, sizeof(settings.php), "8.2");
	(void)str_copy(settings.nginx_listen, sizeof(settings.nginx_listen), "80");
	(void)str_copy(settings.socket_mysql, sizeof(settings.socket_mysql), "/run/mysqld");
	settings.uid_base = 1900000000;
	settings.tenants_max = 10;
	memset(&tenant, 0, sizeof(tenant));
	(void)str_copy(tenant.site, sizeof(tenant.site), "site.example");
	options_default(&tenant.options);
	return base_tree_make(&settings, &err) < 0 ? -1 :
	       ledger_open(settings.state_dir, &ledger, &err);
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
	print_message("needs root: files of other users\n");
	skip();
}

static void note(void *arg, const char *name, uint32_t microseconds,
		 const struct err *result)
{
	size_t n = strlen(steps);

	(void)arg;
	(void)microseconds;
	(void)snprintf(steps + n, sizeof(steps) - n, "%s%s ", name,
		       result->code ? "!" : "");
}

static struct facet_run begin(void)
{
	struct err err = { 0 };
	struct facet_run run = { .settings = &settings, .tenant = &tenant, .ledger = &ledger,
				 .is_new = true, .owns_site = true };

	steps[0] = '\0';
	if (ledger_issue(&ledger, &tenant, 10, settings.uid_base, &run.number, &err) < 0)
		fail_msg("%s", err.text);
	run.uid = (uid_t)(settings.uid_base + run.number);
	return run;
}

static void must_apply(struct facet_run *run)
{
	struct err err = { 0 };

	if (facets_apply(run, note, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static bool exists(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void test_forward_and_back(void **state)
{
	(void)state;
	need_root();
	struct err err = { 0 };
	struct facet_run run = begin();

	must_apply(&run);
	assert_string_equal(steps, "names home quota logs mail spec uploads vhost ");
	assert_int_equal(run.nginx_revision, 1);
	steps[0] = '\0';
	assert_int_equal(facets_check(&run, note, NULL), 0);
	assert_string_equal(steps, "names home quota logs mail spec uploads vhost ");
	steps[0] = '\0';
	if (facets_remove(&run, note, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(steps, "vhost uploads spec mail logs quota home names ");
	assert_true(run.is_home_kept);
	/* Where nothing counts the home, nothing of the quota can be wrong. */
	for (int i = 0; i < FACETS; i++)
		if (strcmp(facets[i].name, "quota") != 0)
			assert_int_equal(facets[i].check(&run, &err), -1);
}

/* Each kind of damage: the check of just that facet names it, a second walk
 * repairs it. */
static const struct {
	const char *facet;
	const char *path;	/* removed */
} damages[] = {
	{ "names", "state/numbers/hosts/site.example" },
	{ "home", "homes/site.example/sessions" },
	{ "logs", "log/site.example" },
	{ "mail", "state/mail/1" },
	{ "spec", "state/spec/1" },
	{ "uploads", "state/nginx/uploads/1" },
	{ "vhost", "state/nginx/staged/1.conf" },
};

static void test_check_and_repair(void **state)
{
	(void)state;
	need_root();
	char path[256];
	struct facet_run run = begin();

	must_apply(&run);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct err err = { 0 };

		(void)snprintf(path, sizeof(path), "%s/%s", folder, damages[i].path);
		assert_int_equal(remove(path), 0);
		for (int k = 0; k < FACETS; k++)
			assert_int_equal(facets[k].check(&run, &err),
					 strcmp(facets[k].name, damages[i].facet) ? 0 : -1);
		steps[0] = '\0';
		assert_int_equal(facets_check(&run, note, NULL), 1);
		const char *at = strstr(steps, damages[i].facet);

		assert_non_null(at);
		assert_int_equal(at[strlen(damages[i].facet)], '!');
		must_apply(&run);
		err = (struct err){ 0 };
		if (facets_check(&run, note, NULL) != 0)
			fail_msg("after %s: %s", damages[i].facet, steps);
	}
}

static void test_error_undoes_a_new_tenant(void **state)
{
	(void)state;
	need_root();
	char path[256];
	struct err err = { 0 };
	struct facet_run run = begin();

	(void)snprintf(path, sizeof(path), "%s/state/nginx", folder);
	assert_int_equal(chmod(path, 0777), 0);	/* vhost refuses to work in there */
	assert_int_equal(facets_apply(&run, note, NULL, &err), -1);
	assert_string_equal(steps, "names home quota logs mail spec uploads vhost! ");
	assert_false(exists("homes/site.example"));
	assert_false(exists("log/site.example"));
	assert_false(exists("state/spec/1"));
	assert_false(exists("state/nginx/uploads/1"));
	assert_true(exists("state/numbers/hosts/site.example"));	/* for the next try */
}

static void test_error_spares_an_old_tenant(void **state)
{
	(void)state;
	need_root();
	char path[256];
	struct err err = { 0 };
	struct facet_run run = begin();

	must_apply(&run);
	run.is_new = false;
	(void)snprintf(path, sizeof(path), "%s/state/nginx", folder);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(facets_apply(&run, note, NULL, &err), -1);
	assert_true(exists("homes/site.example/public/index.html"));
	assert_true(exists("state/spec/1"));
}

static void test_nothing_changed_stages_nothing(void **state)
{
	(void)state;
	need_root();
	char from[256];
	char to[256];
	struct facet_run run = begin();

	must_apply(&run);
	/* What tenant-nginx does. */
	(void)snprintf(from, sizeof(from), "%s/state/nginx/staged", folder);
	(void)snprintf(to, sizeof(to), "%s/state/nginx/sites", folder);
	assert_int_equal(rmdir(to), 0);
	assert_int_equal(rename(from, to), 0);
	run.nginx_revision = 0;
	must_apply(&run);
	assert_int_equal(run.nginx_revision, 0);
	/* A staged tree that somebody left: nginx may not know what is in sites. */
	assert_int_equal(mkdir(from, 0755), 0);
	must_apply(&run);
	assert_int_equal(run.nginx_revision, 2);
}

static void test_policy(void **state)
{
	(void)state;
	struct wire_tenant t = { 0 };
	struct settings s = { 0 };
	struct err err = { 0 };

	options_default(&t.options);
	assert_int_equal(build_check_policy(&s, &t, &err), 0);
	t.options.programs = PROGRAMS_ALLOW;
	assert_int_equal(build_check_policy(&s, &t, &err), -1);
	assert_int_equal(err.code, ERR_POLICY);
	assert_non_null(strstr(err.text, "programs"));
	assert_non_null(strstr(err.text, "allow_programs = yes"));
	s.allow_programs = 1;
	assert_int_equal(build_check_policy(&s, &t, &err), 0);
	(void)str_copy(t.options.document_root, OPTION_TEXT_MAX, "private/web");
	assert_int_equal(build_check_policy(&s, &t, &err), -1);
	(void)str_copy(t.options.document_root, OPTION_TEXT_MAX, "privateer");
	assert_int_equal(build_check_policy(&s, &t, &err), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_forward_and_back),
		CASE(test_check_and_repair),
		CASE(test_error_undoes_a_new_tenant),
		CASE(test_error_spares_an_old_tenant),
		CASE(test_nothing_changed_stages_nothing),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
