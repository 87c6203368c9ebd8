/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as values of options: grammar, order, and the names that are locked. */
#include "schema/option_list.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* What a name of each list may look like. */
static const struct {
	enum option_id id;
	const char *first, *rest;
} grammar[] = {
	{ OPT_env, LETTERS "_", LETTERS DIGITS "_" },
	{ OPT_php_value, LETTERS, LETTERS DIGITS "._-" },
	{ OPT_php_admin_value, LETTERS, LETTERS DIGITS "._-" },
	{ OPT_limit_extensions, ".", LETTERS DIGITS "._-" },
	{ OPT_access_suppress_path, "/", LETTERS DIGITS "._-~/" },
	{ OPT_disable_functions, LETTERS "_", LETTERS DIGITS "_" },
	{ OPT_extensions, LETTERS, LETTERS DIGITS "_" },
};

struct locked {
	const char *pattern, *why;
};

static const struct locked locked_php[] = {
	{ "memory_limit", "use the option memory_limit" },
	{ "upload_max_filesize", "use the option upload_max" },
	{ "post_max_size", "use the option upload_max" },
	{ "max_execution_time", "use the option max_execution_time" },
	{ "disable_functions", "use the option disable_functions" },
	{ "extension", "use the option extensions" },
	{ "zend_extension", "use the option extensions" },
	{ "extension_dir", "extensions come from where the distribution put them" },
	{ "user_ini.filename", "use the option user_ini" },
	{ "opcache.preload", "use the option preload" },
	{ "opcache.preload_user", "the pool runs as the tenant" },
	{ "opcache.memory_consumption", "use the option opcache_memory" },
	{ "opcache.interned_strings_buffer", "use the option opcache_interned" },
	{ "opcache.max_accelerated_files", "use the option opcache_files" },
	{ "apc.shm_size", "use the option apcu_memory" },
	{ "apc.mmap_file_mask", "APCu's memory is the pool's own" },
	{ "opcache.jit*", "workers may map nothing executable" },
	{ "opcache.huge_code_pages", "workers may map nothing executable" },
	{ "opcache.lockfile_path", "the lock lies in the pool's own /tmp" },
	{ "opcache.mmap_base", "addresses are not for a plan to choose" },
	{ "pcre.jit", "workers may map nothing executable" },
	{ "ffi.*", "it would let scripts run native code" },
	{ "enable_dl", "use the option extensions" },
	{ "allow_url_include", "it runs code of other machines" },
	{ "error_log", "messages go to the site's php.log" },
	{ "syslog.*", "messages go to the site's php.log" },
	{ "cgi.force_redirect", "it has no meaning here" },
};

/* The dynamic loader and libc would read them in programs that a script starts. */
static const struct locked locked_env[] = {
	{ "LD_*", "it steers the dynamic loader" },
	{ "GLIBC_TUNABLES", "it steers the C library" },
	{ "PHPRC", "PHP's files are the distribution's" },
	{ "PHP_INI_SCAN_DIR", "PHP's files are the distribution's" },
	{ "USE_ZEND_ALLOC*", "it steers PHP's memory" },
	{ "USER", "it is the tenant's" },
	{ "HOME", "it is the tenant's" },
};

static const char *why_locked(const struct option_row *row, const char *name)
{
	const struct locked *table = row->id == OPT_env ? locked_env : locked_php;
	size_t count = row->id == OPT_env ? ARRAY_SIZE(locked_env) : ARRAY_SIZE(locked_php);
	/* PHP takes Zend_Extension for zend_extension. */
	int flags = row->id == OPT_env ? 0 : FNM_CASEFOLD;

	if (row->type != OPTION_KEYED)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (fnmatch(table[i].pattern, name, flags) == 0)
			return table[i].why;
	return NULL;
}

static int check_name(const struct option_row *row, const char *name, struct err *err)
{
	const char *why = why_locked(row, name);

	if (why)
		return err_set(err, ERR_BAD_OPTION, "option '%s': '%.100s' is locked: %s",
			       row->name, name, why);
	for (size_t i = 0; i < ARRAY_SIZE(grammar); i++)
		if (grammar[i].id == row->id && *name && strchr(grammar[i].first, *name) &&
		    name[1 + strspn(name + 1, grammar[i].rest)] == '\0' &&
		    (*name != '.' || name[1]))
			return 0;
	return err_set(err, ERR_BAD_OPTION, "option '%s': '%.100s' is no name that can stand there",
		       row->name, name);
}

/* Printable ASCII: values stand in records, in JSON and on terminals.  PHP's
 * settings are quoted by ' on their way. */
static int check_value(const struct option_row *row, const char *name, const char *value,
		       size_t size, struct err *err)
{
	for (size_t i = 0; i < size; i++)
		if (value[i] < 0x20 || value[i] > 0x7e || (value[i] == '\'' && row->id != OPT_env))
			return err_set(err, ERR_BAD_OPTION, "option '%s.%s': the value has a byte "
				       "that is not printable ASCII%s", row->name, name,
				       row->id == OPT_env ? "" : ", or a '");
	return 0;
}

static int too_long(const struct option_row *row, struct err *err)
{
	return err_set(err, ERR_BAD_OPTION,
		       "option '%s': all of it together has more than %d bytes", row->name,
		       OPTION_LIST_MAX - 1);
}

/* Copies a name out of the list.  False if it has no place there. */
static bool take_name(const char *from, size_t size, char out[OPTION_NAME_MAX])
{
	if (size >= OPTION_NAME_MAX)
		return false;
	memcpy(out, from, size);
	out[size] = '\0';
	return true;
}

bool option_list_next(const char **at, struct option_entry *out)
{
	size_t line = strcspn(*at, "\n");
	size_t name = strcspn(*at, "=\n");

	if (line == 0 || name == line || !take_name(*at, name, out->name))
		return false;
	out->value = *at + name + 1;
	out->value_size = line - name - 1;
	*at += line + ((*at)[line] == '\n');
	return true;
}

bool option_list_name(const char **at, char out[OPTION_NAME_MAX])
{
	size_t size = strcspn(*at, ",");

	if (size == 0 || !take_name(*at, size, out))
		return false;
	*at += size + ((*at)[size] == ',');
	return true;
}

int option_list_set(const struct option_row *row, char list[OPTION_LIST_MAX], const char *name,
		    const char *value, struct err *err)
{
	struct text t = { 0 };
	const char *at = list;
	struct option_entry e;
	bool is_placed = !value;
	int rc = 0;

	if (check_name(row, name, err) < 0 ||
	    (value && check_value(row, name, value, strlen(value), err) < 0))
		return -1;
	if (strlen(name) >= OPTION_NAME_MAX)
		return too_long(row, err);
	while (option_list_next(&at, &e)) {
		int order = strcmp(e.name, name);

		if (order >= 0 && !is_placed) {
			text_add(&t, "%s=%s\n", name, value);
			is_placed = true;
		}
		if (order != 0)
			text_add(&t, "%s=%.*s\n", e.name, (int)e.value_size, e.value);
	}
	if (!is_placed)
		text_add(&t, "%s=%s\n", name, value);
	if (t.failed || t.size >= OPTION_LIST_MAX) {
		rc = too_long(row, err);
	} else {
		memset(list, 0, OPTION_LIST_MAX);
		if (t.data)
			memcpy(list, t.data, t.size);
	}
	text_free(&t);
	return rc;
}

static int parse_keyed(const struct option_row *row, char list[OPTION_LIST_MAX], const char *text,
		       struct err *err)
{
	char made[OPTION_LIST_MAX];
	char value[OPTION_LIST_MAX];
	struct option_entry e;

	memcpy(made, list, sizeof(made));
	while (*text) {
		if (!option_list_next(&text, &e) || e.value_size >= sizeof(value))
			return err_set(err, ERR_BAD_OPTION, "option '%s': write %s.NAME=VALUE",
				       row->name, row->name);
		memcpy(value, e.value, e.value_size);
		value[e.value_size] = '\0';
		if (option_list_set(row, made, e.name, value, err) < 0)
			return -1;
	}
	memcpy(list, made, sizeof(made));
	return 0;
}

bool option_list_has(const char *list, const char *name)
{
	char each[OPTION_NAME_MAX];

	while (option_list_name(&list, each))
		if (strcmp(each, name) == 0)
			return true;
	return false;
}

static int parse_names(const struct option_row *row, char list[OPTION_LIST_MAX], const char *text,
		       struct err *err)
{
	char made[OPTION_LIST_MAX] = "";
	char name[OPTION_NAME_MAX];
	size_t used = 0;

	if (strcmp(text, "none") == 0)
		text = "";
	for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
		size_t size = strcspn(text, ", ");

		if (!take_name(text, size, name))
			return too_long(row, err);
		text += size;
		if (check_name(row, name, err) < 0)
			return -1;
		if (option_list_has(made, name))
			continue;
		if (used + size + 2 > sizeof(made))
			return too_long(row, err);
		used += (size_t)snprintf(made + used, sizeof(made) - used, "%s%s",
					 used ? "," : "", name);
	}
	if (strcmp(made, "none") == 0) {	/* with blanks or commas about it */
		memset(made, 0, sizeof(made));
		used = 0;
	}
	if (used < row->min)
		return err_set(err, ERR_BAD_OPTION, "option '%s' needs at least one name",
			       row->name);
	memcpy(list, made, sizeof(made));
	return 0;
}

int option_list_parse(const struct option_row *row, char list[OPTION_LIST_MAX], const char *text,
		      struct err *err)
{
	return row->type == OPTION_KEYED ? parse_keyed(row, list, text, err)
					 : parse_names(row, list, text, err);
}

int option_list_check(const struct option_row *row, const char list[OPTION_LIST_MAX],
		      struct err *err)
{
	char again[OPTION_LIST_MAX] = "";

	if (!str_is_terminated(list, OPTION_LIST_MAX))
		return too_long(row, err);
	if (option_list_parse(row, again, list, err) < 0)
		return -1;
	if (strcmp(again, list) != 0)
		return err_set(err, ERR_BAD_OPTION, "option '%s' is not in its canonical form",
			       row->name);
	return 0;
}
