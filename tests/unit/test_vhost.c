/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's files against tests/golden/vhost_NAME.conf.  VHOST_GOLDEN=write in
 * the environment writes them anew; review the difference.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "schema/reasons.h"
#include "schema/errors.h"
#include "tenants/nginx_test.h"
#include "tenants/vhost.h"

static void usual(struct settings *s, struct wire_tenant *t)
{
	memset(s, 0, sizeof(*s));
	memset(t, 0, sizeof(*t));
	(void)str_copy(s->home_dir, sizeof(s->home_dir), "/srv/tenants");
	(void)str_copy(s->state_dir, sizeof(s->state_dir), "/var/lib/tenantd");
	(void)str_copy(s->run_dir, sizeof(s->run_dir), "/run/tenantd");
	(void)str_copy(s->log_dir, sizeof(s->log_dir), "/var/log/tenantd");
	(void)str_copy(s->nginx_listen, sizeof(s->nginx_listen), "80");
	(void)str_copy(t->site, sizeof(t->site), "site.example");
	options_default(&t->options);
}

static void read_file(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	out[n] = '\0';
	if (f)
		(void)fclose(f);
}

static void compare(const char *name, struct text *is)
{
	char path[128];
	char want[32768];

	assert_false(is->failed);
	(void)snprintf(path, sizeof(path), "tests/golden/vhost_%s.conf", name);
	if (getenv("VHOST_GOLDEN")) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		assert_int_equal(fwrite(is->data, 1, is->size, f), is->size);
		assert_int_equal(fclose(f), 0);
	}
	read_file(path, want, sizeof(want));
	assert_string_equal(is->data, want);
	text_free(is);
}

static void test_site(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	vhost_render(&s, 17, &t, &out);
	compare("site", &out);
}

static void test_options(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	(void)str_copy(s.nginx_listen, sizeof(s.nginx_listen), "127.0.0.1:8080, [::1]:8080,");
	(void)str_copy(t.alias[0], SITE_MAX, "www.site.example");
	(void)str_copy(t.alias[1], SITE_MAX, "xn--bcher-kva.example");
	t.alias_count = 2;
	t.options.upload_max = 1 * MIB + 1;	/* rounded up: nginx must not be the tighter one */
	t.options.max_connections = 7;
	t.options.max_uploads = 3;
	(void)str_copy(t.options.status_path, sizeof(t.options.status_path), "/pool/status");
	(void)str_copy(t.options.ping_path, sizeof(t.options.ping_path), "/ping");
	(void)str_copy(s.status_allow, sizeof(s.status_allow), "127.0.0.1, 192.0.2.0/24,::1");
	t.options.request_terminate_timeout = 300;
	(void)str_copy(t.options.document_root, sizeof(t.options.document_root), "web/htdocs");
	vhost_render(&s, 1, &t, &out);
	compare("options", &out);
}

static void test_suspended(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	t.is_suspended = 1;
	(void)str_copy(t.reason, sizeof(t.reason), "'; } evil {");
	vhost_render(&s, 17, &t, &out);
	assert_null(strstr(out.data, "evil"));	/* the reason is the operator's alone */
	compare("suspended", &out);
}

/* Each class has its sentence and nothing that nginx could take for its own. */
static void test_classes(void **state)
{
	(void)state;
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ,.-";
	struct settings s;
	struct wire_tenant t;

	usual(&s, &t);
	t.is_suspended = 1;
	for (uint32_t i = 0; i < REASON_CLASSES; i++) {
		const struct reason_row *row = reason_row(i);
		struct text out = { 0 };
		char header[64];

		assert_non_null(row);
		assert_int_equal(row->number, i);
		assert_ptr_equal(reason_by_word(row->word), row);
		assert_int_equal(strspn(row->visitors, letters), strlen(row->visitors));
		t.reason_class = i;
		vhost_render(&s, 17, &t, &out);
		assert_non_null(strstr(out.data, row->visitors));
		(void)str_format(header, sizeof(header), "Retry-After %d always",
				 row->retry_after_s);
		assert_non_null(strstr(out.data, header));
		text_free(&out);
	}
	assert_null(reason_row(REASON_CLASSES));
}

static void test_shared(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	(void)str_copy(s.nginx_listen, sizeof(s.nginx_listen), "80,[::]:80");
	vhost_render_shared(&s, 42, &out);
	compare("shared", &out);
}

/* The longest names there are still make a file. */
static void test_longest(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	t.alias_count = ALIASES_MAX;
	for (int i = 0; i < ALIASES_MAX; i++) {
		memset(t.alias[i], 'a' + i % 26, SITE_MAX - 1);
		t.alias[i][SITE_MAX - 1] = '\0';
	}
	vhost_render(&s, UINT32_MAX, &t, &out);
	assert_false(out.failed);
	assert_true(out.size > ALIASES_MAX * (SITE_MAX - 1));
	assert_true(out.size < VHOST_SIZE_MAX);
	text_free(&out);
}

/* ---- what nginx -t says ---- */

static int is_ours(const char *host, void *arg)
{
	(void)arg;
	return strcmp(host, "site.example") == 0;
}

static const struct {
	const char *line[3];
	int code;
	const char *says;
} outputs[] = {
	{ { "nginx: configuration file /c test is successful" }, 0, "" },
	{ { "nginx: [warn] something", "nginx: [emerg] unknown directive \"x\" in /a:3",
	    "nginx: [emerg] second" }, ERR_NGINX, "unknown directive \"x\" in /a:3" },
	{ { "nginx: [emerg] a duplicate default server for 0.0.0.0:80 in /a:1" }, ERR_NGINX,
	  "sites-enabled/default" },
	{ { "nginx: [emerg] \"server_names_hash_max_size\" directive is duplicate in /a:1" },
	  ERR_NGINX, "take the directive out" },
	{ { "nginx: [warn] conflicting server name \"site.example\" on 0.0.0.0:80, ignored" },
	  ERR_CONFLICT, "'site.example'" },
	{ { "nginx: [warn] conflicting server name \"other.example\" on 0.0.0.0:80, ignored" },
	  0, "" },
	{ { "nginx: [warn] conflicting server name \"" }, 0, "" },
};

static void test_answers(void **state)
{
	(void)state;
	struct settings s;
	struct wire_tenant t;
	struct text out = { 0 };

	usual(&s, &t);
	(void)str_copy(t.alias[0], SITE_MAX, "www.site.example");
	(void)str_copy(t.alias[1], SITE_MAX, "last.example");
	t.alias_count = 2;
	vhost_render(&s, 17, &t, &out);
	assert_true(vhost_answers(out.data, "site.example"));
	assert_true(vhost_answers(out.data, "www.site.example"));
	assert_true(vhost_answers(out.data, "last.example"));
	assert_false(vhost_answers(out.data, "example"));
	assert_false(vhost_answers(out.data, "ww.site.example"));
	assert_false(vhost_answers(out.data, "last.example.org"));
	assert_false(vhost_answers(out.data, "off"));	/* of the next directive */
	assert_false(vhost_answers("server_name", "site.example"));
	assert_false(vhost_answers("", "site.example"));
	text_free(&out);
}

static void test_nginx_output(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		struct nginx_output o = { 0 };

		for (int k = 0; k < 3 && outputs[i].line[k]; k++)
			nginx_output_line(&o, outputs[i].line[k], is_ours, NULL);
		assert_int_equal(o.why.code, outputs[i].code);
		assert_non_null(strstr(o.why.text, outputs[i].says));
		assert_string_equal(o.first, outputs[i].line[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_site),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_nginx_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
