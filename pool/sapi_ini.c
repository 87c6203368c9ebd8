/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PHP's settings, in three layers: defaults that php.ini may change, values that
 * it may not, and the tenant's own, put into PHP's master entries once before
 * any request, so that no request's end undoes them.
 */
#include "pool/sapi.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "schema/errors.h"

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
	{ "html_errors", "0" },
	{ "log_errors", "1" },
	{ "error_log", "" },		/* so that messages come to sapi_log_message() */
	{ "expose_php", "0" },
	{ "allow_url_include", "0" },
	{ "enable_dl", "0" },
	{ "user_ini.filename", "" },
	{ "session.gc_probability", "1" },	/* the host's cron job does not see our homes */
	{ "session.gc_divisor", "1000" },
	{ "opcache.enable", "1" },
	{ "opcache.jit", "disable" },	/* workers may map nothing executable */
	{ "opcache.jit_buffer_size", "0" },
	{ "opcache.lockfile_path", "/tmp" },
	{ "pcre.jit", "0" },
};

/* Scripts may not change these even where PHP would let them. */
static const char *const locked[] = {
	"opcache.enable", "pcre.jit", "allow_url_include", "session.gc_probability",
};

char *sapi_ini_entries(const struct runtime_sizes *sizes)
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

static zend_ini_entry *entry_of(const char *name)
{
	return zend_hash_str_find_ptr(EG(ini_directives), name, strlen(name));
}

static int set_master(const char *name, const char *value, struct err *err)
{
	zend_ini_entry *e = entry_of(name);
	zend_string *text = NULL;

	if (!e)
		return err_set(err, ERR_PHP, "PHP has no setting '%s'", name);
	text = zend_string_init(value, strlen(value), 1);
	if (e->on_modify &&
	    e->on_modify(e, text, e->mh_arg1, e->mh_arg2, e->mh_arg3, ZEND_INI_STAGE_STARTUP) !=
		    SUCCESS) {
		zend_string_release(text);
		return err_set(err, ERR_PHP, "PHP refuses '%s' for its setting '%s'", value, name);
	}
	e->value = text;	/* the old value may be PHP's own memory: left as it is */
	return 0;
}

/* ---- memory_limit: a script may lower it, or raise it up to the option ---- */

static zend_result (*set_memory_limit)(zend_ini_entry *, zend_string *, void *, void *, void *,
				       int);
static zend_long memory_limit_max;

static ZEND_INI_MH(bounded_memory_limit)
{
	zend_string *problem = NULL;
	zend_long wanted = new_value ? zend_ini_parse_quantity(new_value, &problem) : 0;

	if (problem)
		zend_string_release(problem);
	if (stage != ZEND_INI_STAGE_STARTUP && (wanted <= 0 || wanted > memory_limit_max))
		return FAILURE;
	return set_memory_limit(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
}

static void bound_memory_limit(uint64_t max)
{
	zend_ini_entry *e = entry_of("memory_limit");

	memory_limit_max = (zend_long)max;
	if (e->on_modify == bounded_memory_limit)
		return;
	set_memory_limit = (zend_result (*)(zend_ini_entry *, zend_string *, void *, void *,
					    void *, int))e->on_modify;
	e->on_modify = bounded_memory_limit;
}

static int settle_sizes(const struct options *o, struct err *err)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "memory_limit", o->memory_limit },
		{ "upload_max_filesize", o->upload_max },
		{ "post_max_size", o->upload_max + MIB },	/* and the form's other fields */
		{ "max_execution_time", o->max_execution_time },
	};
	char text[24];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)rows[i].value);
		if (set_master(rows[i].name, text, err) < 0)
			return -1;
	}
	bound_memory_limit(o->memory_limit);
	return 0;
}

static int settle_folders(const char *home, struct err *err)
{
	static const struct setting rows[] = {
		/* Bodies and uploads lie on the tenant's disk: /tmp counts as its memory. */
		{ "upload_tmp_dir", "tmp" },
		{ "sys_temp_dir", "tmp" },
		{ "session.save_path", "sessions" },
	};
	char path[POOL_PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", home, rows[i].value);
		/* PHP may be built without sessions. */
		if (entry_of(rows[i].name) && set_master(rows[i].name, path, err) < 0)
			return -1;
	}
	return 0;
}

int sapi_ini_settle(const struct pool_spec *spec, struct err *err)
{
	if (settle_sizes(&spec->options, err) < 0 || settle_folders(spec->home, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(locked); i++) {
		zend_ini_entry *e = entry_of(locked[i]);

		if (e)
			e->modifiable = ZEND_INI_SYSTEM;
	}
	return 0;
}
