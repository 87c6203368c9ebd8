/* SPDX-License-Identifier: Apache-2.0 */
/* From parameters to the script: the cases of PHP-FPM's own tests, as a table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#include "pool/translate.h"

#define PAIRS 8

struct pair {
	const char *name, *value;
};

struct example {
	const char *what;
	struct pair sent[PAIRS];
	const char *script, *uri;	/* NULL: none */
	struct pair after[PAIRS];	/* value NULL: not there */
	bool off, discard;		/* cgi.fix_pathinfo=0, cgi.discard_path=1 */
	bool decodes;
};

#define SF "SCRIPT_FILENAME"
#define SN "SCRIPT_NAME"
#define PI "PATH_INFO"
#define PT "PATH_TRANSLATED"
#define DR "DOCUMENT_ROOT"

static const struct example examples[] = {
	{ .what = "plain",
	  .sent = { { SF, "/www/a.php" }, { SN, "/a.php" }, { DR, "/www" } },
	  .script = "/www/a.php", .uri = "/a.php",
	  .after = { { SF, "/www/a.php" }, { PI, NULL }, { "ORIG_SCRIPT_FILENAME", NULL } } },
	{ .what = "script and path info together",
	  .sent = { { SF, "/www/a.php/x/y" }, { SN, "/a.php/x/y" }, { PI, "/a.php/x/y" },
		    { DR, "/www/" } },
	  .script = "/www/a.php", .uri = "/a.php",
	  .after = { { SF, "/www/a.php" }, { "ORIG_SCRIPT_FILENAME", "/www/a.php/x/y" },
		     { SN, "/a.php" }, { "ORIG_SCRIPT_NAME", "/a.php/x/y" }, { PI, "/x/y" },
		     { "ORIG_PATH_INFO", "/a.php/x/y" }, { PT, "/www/x/y" } } },
	{ .what = "path info given apart",
	  .sent = { { SF, "/www/a.php/x" }, { SN, "/a.php" }, { PI, "/x" }, { DR, "/www" } },
	  .script = "/www/a.php", .uri = "/a.php",
	  .after = { { PI, "/x" }, { SN, "/a.php" }, { PT, "/www/x" },
		     { "ORIG_PATH_INFO", NULL } } },
	{ .what = "empty path info and a long path",
	  .sent = { { SF, "/www/a.php/xxxxxxxxxxxxxxxxxxxx" }, { SN, "/a.php" }, { PI, "" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { PI, "" } } },
	{ .what = "no document root",
	  .sent = { { SF, "/www/a.php/x" }, { SN, "/a.php" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { PT, "/www" }, { PI, NULL } } },
	{ .what = "mod_proxy_fcgi",
	  .sent = { { SF, "proxy:fcgi://127.0.0.1:9000/www/a.php?q=1" }, { SN, "/a.php" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { SF, "/www/a.php" } } },
	{ .what = "mod_proxy_fcgi with path info",
	  .sent = { { SF, "proxy:fcgi://h/www/a.php/x" }, { SN, "/a.php" }, { PI, "/x" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { PI, "/x" } } },
	{ .what = "mod_proxy_balancer: path info at the end of the name",
	  .sent = { { SF, "proxy:balancer://h/www/a.php/x%20y" }, { SN, "/a.php/x y" } },
	  .script = "/www/a.php", .uri = "/a.php",
	  .after = { { PI, "/x%20y" }, { SN, "/a.php" }, { "ORIG_SCRIPT_NAME", "/a.php/x y" } } },
	{ .what = "path info decoded", .decodes = true,
	  .sent = { { SF, "proxy:fcgi://h/www/a.php/x%20y" }, { SN, "/a.php/x y" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { PI, "/x y" }, { SN, "/a.php" } } },
	{ .what = "a name with another tail is left alone",
	  .sent = { { SF, "proxy:fcgi://h/www/a.php/x" }, { SN, "/a.php/other" } },
	  .script = "/www/a.php", .uri = "/a.php/other", .after = { { PI, "/x" } } },
	{ .what = "Apache's Action",
	  .sent = { { SF, "/cgi/php" }, { SN, "/cgi/php" }, { PT, "/www/a.php" },
		    { PI, "/a.php" }, { "REDIRECT_URL", "/a.php" } },
	  .script = "/www/a.php", .uri = "/a.php",
	  .after = { { SF, "/www/a.php" }, { "ORIG_SCRIPT_FILENAME", "/cgi/php" },
		     { SN, "/a.php" }, { PI, NULL }, { "ORIG_PATH_INFO", "/a.php" } } },
	{ .what = "only PATH_TRANSLATED",
	  .sent = { { PT, "/www/a.php" }, { SN, "/a.php" } },
	  .script = "/www/a.php", .uri = "/a.php", .after = { { SF, "/www/a.php" } } },
	{ .what = "nothing", .sent = { { SN, "/a.php" } } },
	{ .what = "empty", .sent = { { SF, "" } }, .script = "" },
	{ .what = "no such file",
	  .sent = { { SF, "/www/none.php" }, { SN, "/none.php" } }, .uri = "/none.php",
	  .after = { { SF, NULL }, { "ORIG_SCRIPT_FILENAME", "/www/none.php" } } },
	{ .what = "a folder is no script to walk up to",
	  .sent = { { SF, "/www/" }, { SN, "/" } }, .uri = "/" },
	{ .what = "dots", .sent = { { SF, "/www/../www/a.php" } } },
	{ .what = "dots behind a script are its path info", .script = "/www/a.php",
	  .sent = { { SF, "/www/a.php/.." } }, .after = { { SF, "/www/a.php" } } },
	{ .what = "dots from a proxy", .sent = { { SF, "proxy:fcgi://h/../www/a.php" } } },
	{ .what = "dots that are names", .sent = { { SF, "/www/a.php/..x/...//" } },
	  .script = "/www/a.php", .after = { { SF, "/www/a.php" } } },
	{ .what = "no fixing: the translated path runs", .off = true,
	  .sent = { { SF, "/www/b.php" }, { PT, "/www/a.php" }, { PI, "/i" }, { SN, "/b.php" } },
	  .script = "/www/a.php", .uri = "/i", .after = { { SF, "/www/b.php" } } },
	{ .what = "no fixing, discard_path", .off = true, .discard = true,
	  .sent = { { SF, "/www/b.php" }, { PT, "/www/a.php" }, { SN, "/b.php" } },
	  .script = "/www/b.php", .uri = "/b.php" },
};

static bool exists(const char *path, bool must_be_file)
{
	if (strcmp(path, "/www") == 0 || strcmp(path, "/") == 0)
		return !must_be_file;
	return strcmp(path, "/www/a.php") == 0 || strcmp(path, "/cgi/php") == 0;
}

static void same(const char *what, const char *got, const char *wanted)
{
	if (!got || !wanted ? got != wanted : strcmp(got, wanted) != 0)
		fail_msg("%s: got '%s', wanted '%s'", what, got ? got : "(none)",
			 wanted ? wanted : "(none)");
}

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		const struct translate_rules rules = { !e->off, e->discard, exists,
						      e->decodes };
		struct params p = { 0 };
		struct translation t;

		for (int k = 0; k < PAIRS && e->sent[k].name; k++)
			assert_non_null(params_set(&p, e->sent[k].name, e->sent[k].value));
		t = translate(&p, &rules);
		same(e->what, t.script, e->script);
		same(e->what, t.uri, e->uri);
		for (int k = 0; k < PAIRS && e->after[k].name; k++)
			same(e->what, params_get(&p, e->after[k].name), e->after[k].value);
		params_free(&p);
	}
}

/* Where the table is full nothing may be followed that was not set. */
static void test_full_table(void **state)
{
	const struct translate_rules rules = { true, false, exists, false };
	struct params p = { 0 };

	(void)state;
	(void)params_set(&p, SF, "/www/a.php/x");
	(void)params_set(&p, SN, "/a.php");
	assert_non_null(params_room(&p, PARAMS_BYTES_MAX - (uint32_t)p.bytes));
	assert_null(translate(&p, &rules).script);
	params_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
