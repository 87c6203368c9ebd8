/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's settings in a PHP that has started: they go into PHP's master
 * entries once before any request, so that no request's end undoes them.  What
 * a script, or a .user.ini, must not change is locked; sizes of the plan it may
 * lower.
 */
#include "pool/sapi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zend_ini_scanner.h>

#include "base/str.h"
#include "pool/errlog.h"
#include "schema/errors.h"

/* Scripts may not change these even where PHP would let them. */
static const char *const locked[] = {
	"opcache.enable", "pcre.jit", "allow_url_include", "session.gc_probability",
};

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
	if (sapi_ini_is_lost_file(name, value))
		return err_set(err, ERR_PHP, "read '%s' for the setting '%s': %s", value, name,
			       strerror(errno));
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

/* ---- sizes: a script may lower them, or raise them up to the plan's ---- */

struct bound {
	const char *name;
	bool is_finite;		/* -1 and 0 would mean no limit */
	zend_result (*set)(zend_ini_entry *, zend_string *, void *, void *, void *, int);
	zend_long max;
};

static struct bound bounds[] = {
	{ .name = "memory_limit", .is_finite = true },
	{ .name = "upload_max_filesize" },
	{ .name = "post_max_size", .is_finite = true },
};

static struct bound *bound_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (strcmp(bounds[i].name, name) == 0)
			return &bounds[i];
	return NULL;
}

static ZEND_INI_MH(set_bounded)
{
	struct bound *b = bound_of(ZSTR_VAL(entry->name));
	zend_string *problem = NULL;
	zend_long wanted = new_value ? zend_ini_parse_quantity(new_value, &problem) : 0;

	if (problem)
		zend_string_release(problem);
	if (stage != ZEND_INI_STAGE_STARTUP &&
	    (wanted < 0 || (wanted == 0 && b->is_finite) || wanted > b->max))
		return FAILURE;
	return b->set(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
}

static void bound(const char *name, uint64_t max)
{
	zend_ini_entry *e = entry_of(name);
	struct bound *b = bound_of(name);

	if (!b || !e)
		return;
	b->max = (zend_long)max;
	if (e->on_modify == set_bounded)
		return;
	b->set = (zend_result (*)(zend_ini_entry *, zend_string *, void *, void *, void *, int))
			 e->on_modify;
	e->on_modify = set_bounded;
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
		/* Sizes as people write them, and as scripts show them: 128M. */
		bool is_whole = bound_of(rows[i].name) && rows[i].value % MIB == 0;

		(void)snprintf(text, sizeof(text), is_whole ? "%lluM" : "%llu",
			       (unsigned long long)rows[i].value / (is_whole ? MIB : 1));
		if (set_master(rows[i].name, text, err) < 0)
			return -1;
		bound(rows[i].name, rows[i].value);
	}
	return 0;
}

static int settle_folders(const char *home, struct err *err)
{
	static const struct {
		const char *name, *folder;
	} rows[] = {
		/* Bodies and uploads lie on the tenant's disk: /tmp counts as its memory. */
		{ "upload_tmp_dir", "tmp" },
		{ "sys_temp_dir", "tmp" },
		{ "session.save_path", "sessions" },
	};
	char path[POOL_PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", home, rows[i].folder);
		/* PHP may be built without sessions. */
		if (entry_of(rows[i].name) && set_master(rows[i].name, path, err) < 0)
			return -1;
	}
	return 0;
}

static void take_result(zval *name, zval *value, zval *index, int kind, void *out)
{
	(void)name;
	(void)index;
	if (kind == ZEND_INI_PARSER_ENTRY && value)
		(void)snprintf(out, OPTION_LIST_MAX, "%s", Z_STRVAL_P(value));
}

static void calculate(char value[OPTION_LIST_MAX])
{
	char text[OPTION_LIST_MAX + 8];

	(void)snprintf(text, sizeof(text), "x=%s\n", value);
	(void)zend_parse_ini_string(text, true, ZEND_INI_SCANNER_NORMAL, take_result, value);
}

/* A setting that this PHP does not know, or a value that it refuses, is no
 * reason to take the site down: it may belong to an extension that is not
 * installed.  The log says so; in a trial, a value that is refused is an error. */
static int settle_values(const char *list, bool is_admin, bool is_trial, struct err *out)
{
	struct option_entry e;
	char value[OPTION_LIST_MAX];

	while (option_list_next(&list, &e)) {
		sapi_ini_value(&e, value);
		if (sapi_ini_is_expression(value))
			calculate(value);
		struct err err = { 0 };
		bool is_set = set_master(e.name, value, &err) == 0;

		if (!is_set && is_trial && entry_of(e.name))
			return err_set(out, err.code, "%s", err.text);
		if (!is_set)
			errlog_print("%s.%s is not set: %s",
				     is_admin ? "php_admin_value" : "php_value", e.name, err.text);
		else if (is_admin)
			entry_of(e.name)->modifiable = ZEND_INI_SYSTEM;
	}
	return 0;
}

int sapi_ini_settle(const struct pool_spec *spec, struct err *err)
{
	const struct options *o = &spec->options;
	bool is_trial = spec->magic == POOL_TRIAL_MAGIC;

	if (settle_sizes(o, err) < 0 || settle_folders(spec->home, err) < 0 ||
	    set_master("user_ini.filename", o->user_ini ? ".user.ini" : "", err) < 0)
		return -1;
	if (settle_values(o->php_value, false, is_trial, err) < 0 ||
	    settle_values(o->php_admin_value, true, is_trial, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(locked); i++) {
		zend_ini_entry *e = entry_of(locked[i]);

		if (e)
			e->modifiable = ZEND_INI_SYSTEM;
	}
	return 0;
}
