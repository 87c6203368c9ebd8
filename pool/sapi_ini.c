/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PHP's settings before it starts, in three layers: defaults that php.ini may
 * change, values that it may not, and what the plan says of settings that PHP
 * reads only once (sapi_settle.c has the rest).
 */
#include "pool/sapi.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"

struct setting {
	const char *name, *value;
};

static const struct setting defaults[] = {
	{ "date.timezone", "UTC" },
	{ "register_argc_argv", "0" },	/* a query string is no command line */
	{ "realpath_cache_size", "4096K" },
	{ "realpath_cache_ttl", "120" },
};

static const struct setting fixed[] = {
	{ "display_errors", "0" },
	{ "display_startup_errors", "0" },
	{ "log_errors", "1" },
	{ "error_log", "" },		/* so that messages come to sapi_log_message() */
	{ "expose_php", "0" },
	{ "allow_url_include", "0" },
	{ "enable_dl", "0" },
	{ "session.gc_probability", "1" },	/* the host's cron job does not see our homes */
	{ "session.gc_divisor", "1000" },
	{ "opcache.enable", "1" },
	{ "opcache.jit", "disable" },	/* workers may make nothing executable */
	{ "opcache.jit_buffer_size", "0" },
	{ "opcache.lockfile_path", "/tmp" },
	{ "pcre.jit", "0" },
};

/* Over those, where the plan has jit=allow. */
static const struct setting with_jit[] = {
	{ "opcache.jit", "tracing" },
	{ "opcache.jit_buffer_size", "32M" },	/* beside opcache_memory, counted as memory */
	{ "pcre.jit", "1" },
};

/* What a value means in PHP's own files. */
static const struct setting words[] = {
	{ "on", "1" }, { "yes", "1" }, { "true", "1" },
	{ "off", "" }, { "no", "" }, { "false", "" }, { "none", "" }, { "null", "" },
};

void sapi_ini_value(const struct option_entry *e, char out[OPTION_LIST_MAX])
{
	(void)snprintf(out, OPTION_LIST_MAX, "%.*s", (int)e->value_size, e->value);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(out, words[i].name) == 0)
			(void)snprintf(out, OPTION_LIST_MAX, "%s", words[i].value);
}

bool sapi_ini_is_expression(const char *value)
{
	return strstr(value, "E_") &&
	       value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ |&~^!()")] == '\0';
}

bool sapi_ini_is_lost_file(const char *name, const char *value)
{
	return strcmp(name, "browscap") == 0 && *value && access(value, R_OK) < 0;
}

/* In single quotes nothing has a meaning, and the grammar allows none inside. */
static void add_values(struct text *t, const char *list)
{
	struct option_entry e;
	char value[OPTION_LIST_MAX];

	while (option_list_next(&list, &e)) {
		sapi_ini_value(&e, value);
		if (sapi_ini_is_lost_file(e.name, value))
			continue;
		text_add(t, sapi_ini_is_expression(value) ? "%s=%s\n" : "%s='%s'\n", e.name, value);
	}
}

static void add_plan(struct text *t, const struct pool_spec *spec)
{
	const struct options *o = &spec->options;
	const char *at = o->extensions;
	char name[OPTION_NAME_MAX];

	while (option_list_name(&at, name))
		text_add(t, "extension=%s\n", name);
	for (size_t i = 0; o->jit == JIT_ALLOW && i < ARRAY_SIZE(with_jit); i++)
		text_add(t, "%s=\"%s\"\n", with_jit[i].name, with_jit[i].value);
	if (o->preload[0])
		text_add(t, "opcache.preload='%s/%s'\n", spec->home, o->preload);
	text_add(t, "disable_functions='%s'\n", o->disable_functions);
	text_add(t, "user_ini.filename='%s'\n", o->user_ini ? ".user.ini" : "");
	/* Last: PHP leaves out what follows a line that it cannot read, such as an
	 * expression that does not end or the name "on". */
	add_values(t, o->php_value);
	add_values(t, o->php_admin_value);
}

char *sapi_ini_entries(const struct runtime_sizes *sizes, const struct pool_spec *spec)
{
	struct text t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		text_add(&t, "%s=\"%s\"\n", fixed[i].name, fixed[i].value);
	/* OPcache takes megabytes; APCu, with a suffix, as well. */
	text_add(&t, "opcache.memory_consumption=%llu\n",
		 (unsigned long long)(sizes->opcache_memory / MIB));
	text_add(&t, "opcache.interned_strings_buffer=%llu\n",
		 (unsigned long long)(sizes->opcache_interned / MIB));
	text_add(&t, "opcache.max_accelerated_files=%llu\n",
		 (unsigned long long)sizes->opcache_files);
	text_add(&t, "apc.shm_size=%lluM\n", (unsigned long long)(sizes->apcu_memory / MIB));
	if (spec)
		add_plan(&t, spec);
	if (t.failed)
		text_free(&t);
	return t.data;
}

void sapi_ini_defaults(HashTable *configuration)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		zval value;

		ZVAL_NEW_STR(&value, zend_string_init(defaults[i].value,
						      strlen(defaults[i].value), 1));
		zend_hash_str_update(configuration, defaults[i].name, strlen(defaults[i].name),
				     &value);
	}
}
