/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and the one parser, formatter and check over it. */
#include "schema/options.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/option_list.h"
#include "schema/value.h"

static const char *const words_pm[] = { "ondemand", "static", "dynamic", NULL };
static const char *const words_programs[] = { "deny", "allow", NULL };
static const char *const words_jit[] = { "deny", "allow", NULL };
static const char *const words_network[] = { "none", "egress", NULL };
static const char *const words_mail[] = { "deny", "allow", NULL };
static const char *const words_mail_ports[] = { "closed", "open", NULL };
static const char *const words_sockets[] = { "mysql", "redis", NULL };

#define GUARD_NONE NULL
#define GUARD_allow_programs "allow_programs"
#define GUARD_allow_jit "allow_jit"
#define GUARD_allow_mail_ports "allow_mail_ports"
#define GUARD_allow_preload "allow_preload"

const struct option_row option_rows[OPTION_IDS] = {
#define WORDS_ENUM(name) words_##name
#define WORDS_SET(name) words_##name
#define WORDS_SIZE(name) NULL
#define WORDS_COUNT(name) NULL
#define WORDS_PERCENT(name) NULL
#define WORDS_SECONDS(name) NULL
#define WORDS_BOOL(name) NULL
#define WORDS_TEXT(name) NULL
#define WORDS_URI(name) NULL
#define WORDS_LINE(name) NULL
#define WORDS_VERSION(name) NULL
#define WORDS_NAMES(name) NULL
#define WORDS_KEYED(name) NULL
#define OPT(name, type, def, min, max, scope, guard, known, sentence)                         \
	{ OPT_##name, #name, OPTION_##type, OPTION_##scope, min, max,                         \
	  offsetof(struct options, name), WORDS_##type(name), GUARD_##guard, known, sentence },
#include "schema/options.def"
#undef OPT
};

static bool is_short(const struct option_row *row)
{
	return row->type == OPTION_TEXT || row->type == OPTION_URI || row->type == OPTION_LINE ||
	       row->type == OPTION_VERSION;
}

static bool is_list(const struct option_row *row)
{
	return row->type == OPTION_NAMES || row->type == OPTION_KEYED;
}

static bool is_text(const struct option_row *row)
{
	return is_short(row) || is_list(row);
}

size_t option_size(const struct option_row *row)
{
	if (is_list(row))
		return OPTION_LIST_MAX;
	return is_short(row) ? OPTION_TEXT_MAX : sizeof(uint64_t);
}

const char *option_entry_name(const struct option_row *row, const char *name)
{
	size_t size = strlen(row->name);

	if (row->type != OPTION_KEYED || strncmp(name, row->name, size) != 0 || name[size] != '.')
		return NULL;
	return name + size + 1;
}

const struct option_row *option_by_name(const char *name)
{
	for (int i = 0; i < OPTION_IDS; i++)
		if (strcmp(option_rows[i].name, name) == 0 ||
		    option_entry_name(&option_rows[i], name))
			return &option_rows[i];
	return NULL;
}

void options_default(struct options *out)
{
	memset(out, 0, sizeof(*out));
#define DEFAULT_NUMBER(name, def) out->name = (def);
#define DEFAULT_SIZE DEFAULT_NUMBER
#define DEFAULT_COUNT DEFAULT_NUMBER
#define DEFAULT_PERCENT DEFAULT_NUMBER
#define DEFAULT_SECONDS DEFAULT_NUMBER
#define DEFAULT_BOOL DEFAULT_NUMBER
#define DEFAULT_ENUM DEFAULT_NUMBER
#define DEFAULT_SET DEFAULT_NUMBER
#define DEFAULT_TEXT(name, def) (void)str_copy(out->name, sizeof(out->name), def);
#define DEFAULT_URI DEFAULT_TEXT
#define DEFAULT_LINE DEFAULT_TEXT
#define DEFAULT_VERSION DEFAULT_TEXT
#define DEFAULT_NAMES DEFAULT_TEXT
#define DEFAULT_KEYED DEFAULT_TEXT
#define OPT(name, type, def, min, max, scope, guard, known, sentence) DEFAULT_##type(name, def)
#include "schema/options.def"
#undef OPT
}

static uint64_t number_of(const struct options *o, const struct option_row *row)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)o + row->offset, sizeof(value));
	return value;
}

static const char *text_of(const struct options *o, const struct option_row *row)
{
	return (const char *)o + row->offset;
}

static void format_number(const struct option_row *row, uint64_t value, char *out, size_t size)
{
	size_t used = 0;

	switch (row->type) {
	case OPTION_SIZE:
		value_format_size(value, out, size);
		return;
	case OPTION_SECONDS:
		value_format_seconds(value, out, size);
		return;
	case OPTION_BOOL:
		(void)snprintf(out, size, "%s", value ? "yes" : "no");
		return;
	case OPTION_ENUM:
		(void)snprintf(out, size, "%s", value <= row->max ? row->words[value] : "?");
		return;
	case OPTION_SET:
		(void)snprintf(out, size, "none");
		for (size_t i = 0; row->words[i]; i++)
			if (value & (UINT64_C(1) << i))
				used += (size_t)snprintf(out + used, size - used, "%s%s",
							 used ? "," : "", row->words[i]);
		return;
	case OPTION_COUNT:
	case OPTION_PERCENT:
	case OPTION_TEXT:
	case OPTION_URI:
	case OPTION_LINE:
	case OPTION_VERSION:
	case OPTION_NAMES:
	case OPTION_KEYED:
		break;
	}
	(void)snprintf(out, size, "%llu", (unsigned long long)value);
}

void options_format(const struct options *o, const struct option_row *row,
		    char out[OPTION_FORMAT_MAX])
{
	if (row->type == OPTION_NAMES && !*text_of(o, row))
		(void)snprintf(out, OPTION_FORMAT_MAX, "none");
	else if (is_text(row))
		(void)snprintf(out, OPTION_FORMAT_MAX, "%s", text_of(o, row));
	else
		format_number(row, number_of(o, row), out, OPTION_FORMAT_MAX);
}

static int refuse(const struct option_row *row, const char *value, struct err *err)
{
	char low[OPTION_FORMAT_MAX];
	char high[OPTION_FORMAT_MAX];
	struct text words = { 0 };
	int rc = -1;

	switch (row->type) {
	case OPTION_BOOL:
		return err_set(err, ERR_BAD_OPTION, "option '%s': '%.64s' is neither yes nor no",
			       row->name, value);
	case OPTION_ENUM:
	case OPTION_SET:
		for (size_t i = 0; row->words[i]; i++)
			text_add(&words, "%s%s", i ? ", " : "", row->words[i]);
		rc = err_set(err, ERR_BAD_OPTION, "option '%s': '%.64s' is not among: %s%s",
			     row->name, value, words.data ? words.data : "",
			     row->type == OPTION_SET ? ", none" : "");
		text_free(&words);
		return rc;
	case OPTION_TEXT:
		return err_set(err, ERR_BAD_OPTION,
			       "option '%s': '%.64s' is not a relative path of %llu to %llu "
			       "letters, digits, '.', '_', '-' and '/' without '..'",
			       row->name, value, (unsigned long long)row->min,
			       (unsigned long long)row->max);
	case OPTION_URI:
		return err_set(err, ERR_BAD_OPTION,
			       "option '%s': '%.64s' is not a '/' and then letters, digits, '.', "
			       "'_', '-' and '/' without '..', %llu bytes at most",
			       row->name, value, (unsigned long long)row->max);
	case OPTION_LINE:
		return err_set(err, ERR_BAD_OPTION,
			       "option '%s': '%.64s' is not %llu to %llu printable characters",
			       row->name, value, (unsigned long long)row->min,
			       (unsigned long long)row->max);
	case OPTION_VERSION:
		return err_set(err, ERR_BAD_OPTION,
			       "option '%s': '%.64s' is no version: a digit, then letters, digits, "
			       "'.', '_' and '-', %llu bytes at most",
			       row->name, value, (unsigned long long)row->max);
	case OPTION_SIZE:
	case OPTION_COUNT:
	case OPTION_PERCENT:
	case OPTION_SECONDS:
	case OPTION_NAMES:
	case OPTION_KEYED:
		break;
	}
	format_number(row, row->min, low, sizeof(low));
	format_number(row, row->max, high, sizeof(high));
	return err_set(err, ERR_BAD_OPTION, "option '%s': '%.64s' is not in the range %s to %s",
		       row->name, value, low, high);
}

static bool line_is_safe(const char *s)
{
	while (*s >= ' ' && *s <= '~')
		s++;
	return *s == '\0';
}

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool version_is_safe(const char *s)
{
	return *s >= '0' && *s <= '9' && s[strspn(s, LETTERS_AND_DIGITS "._-")] == '\0';
}

/* TEXT options are relative paths that end up in nginx's configuration and in
 * PHP's: only harmless characters, no empty, "." or ".." component.  URI ones are
 * the same behind a slash. */
static bool text_is_safe(const struct option_row *row, const char *s)
{
	size_t n = strlen(s);
	const char *part = NULL;

	if (n < row->min || n > row->max)
		return false;
	if (n == 0)
		return true;
	if (row->type == OPTION_LINE)
		return line_is_safe(s);
	if (row->type == OPTION_VERSION)
		return version_is_safe(s);
	if (row->type == OPTION_URI && *s++ != '/')
		return false;
	part = s;
	for (const char *p = s;; p++) {
		if (*p == '/' || *p == '\0') {
			size_t len = (size_t)(p - part);

			if (len == 0 || part[0] == '.')
				return false;
			part = p + 1;
			if (*p == '\0')
				return true;
			continue;
		}
		if (!strchr(LETTERS_AND_DIGITS "._-", *p))
			return false;
	}
}

static int parse_words(const struct option_row *row, const char *value, uint64_t *out)
{
	char copy[OPTION_FORMAT_MAX];
	char *rest = NULL;

	if (str_copy(copy, sizeof(copy), value) < 0)
		return -1;
	*out = 0;
	if (row->type == OPTION_SET && (strcmp(copy, "none") == 0 || copy[0] == '\0'))
		return 0;
	for (char *word = strtok_r(copy, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest)) {
		size_t i = 0;

		while (row->words[i] && strcmp(row->words[i], word) != 0)
			i++;
		if (!row->words[i])
			return -1;
		if (row->type == OPTION_ENUM) {
			*out = i;
			return strcmp(value, word) == 0 ? 0 : -1;
		}
		*out |= UINT64_C(1) << i;
	}
	return row->type == OPTION_SET ? 0 : -1;
}

static int parse_percent(const char *value, uint64_t *out)
{
	char digits[24];
	size_t n = strlen(value);

	if (n > 0 && value[n - 1] == '%')
		n--;
	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, value, n);
	digits[n] = '\0';
	return str_number(digits, UINT64_MAX, out);
}

static int parse_number(const struct option_row *row, const char *value, uint64_t *out)
{
	switch (row->type) {
	case OPTION_SIZE:
		return value_parse_size(value, out);
	case OPTION_SECONDS:
		return value_parse_seconds(value, out);
	case OPTION_BOOL:
		return value_parse_bool(value, out);
	case OPTION_PERCENT:
		return parse_percent(value, out);
	case OPTION_ENUM:
	case OPTION_SET:
		return parse_words(row, value, out);
	case OPTION_COUNT:
		return str_number(value, UINT64_MAX, out);
	case OPTION_TEXT:
	case OPTION_URI:
	case OPTION_LINE:
	case OPTION_VERSION:
	case OPTION_NAMES:
	case OPTION_KEYED:
		break;
	}
	return -1;
}

int options_parse(struct options *o, const struct option_row *row, const char *value,
		  struct err *err)
{
	char *field = (char *)o + row->offset;
	uint64_t number = 0;

	if (is_list(row))
		return option_list_parse(row, field, value, err);
	if (is_short(row)) {
		if (!text_is_safe(row, value))
			return refuse(row, value, err);
		memset(field, 0, OPTION_TEXT_MAX);
		memcpy(field, value, strlen(value));
		return 0;
	}
	if (parse_number(row, value, &number) < 0 || number < row->min || number > row->max)
		return refuse(row, value, err);
	memcpy(field, &number, sizeof(number));
	return 0;
}

int options_set(struct options *o, const char *name, const char *value, struct err *err)
{
	const struct option_row *row = option_by_name(name);
	const char *entry = row ? option_entry_name(row, name) : NULL;

	if (!row || (row->type == OPTION_KEYED && !entry))
		return err_set(err, ERR_BAD_OPTION, "there is no option '%.64s'%s", name,
			       row ? "; say which entry of it: NAME behind a dot" : "");
	if (entry)
		return option_list_set(row, (char *)o + row->offset, entry, value, err);
	return options_parse(o, row, value, err);
}

int option_each(const struct option_row *row, const char *value,
		int (*each)(void *ctx, const char *name, const char *value), void *ctx)
{
	char name[OPTION_NAME_MAX + 32];
	char text[OPTION_LIST_MAX];
	struct option_entry e;
	int rc = 0;

	if (row->type != OPTION_KEYED)
		return each(ctx, row->name, value) < 0 ? -1 : 0;
	while (rc >= 0 && option_list_next(&value, &e)) {
		(void)snprintf(name, sizeof(name), "%s.%s", row->name, e.name);
		(void)snprintf(text, sizeof(text), "%.*s", (int)e.value_size, e.value);
		rc = each(ctx, name, text);
	}
	return rc < 0 ? rc : 0;
}

int options_check(const struct options *o, struct err *err)
{
	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];
		char shown[OPTION_FORMAT_MAX] = "";

		if (is_list(row)) {
			if (option_list_check(row, text_of(o, row), err) < 0)
				return -1;
			continue;
		}
		if (is_short(row)) {
			if (!str_is_terminated(text_of(o, row), OPTION_TEXT_MAX) ||
			    !text_is_safe(row, text_of(o, row)))
				return refuse(row, "?", err);
			continue;
		}
		uint64_t value = number_of(o, row);

		if (value >= row->min && value <= row->max)
			continue;
		(void)snprintf(shown, sizeof(shown), "%llu", (unsigned long long)value);
		return refuse(row, shown, err);
	}
	return options_check_rules(o, err);
}

unsigned options_difference(const struct options *a, const struct options *b)
{
	unsigned scopes = 0;

	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];

		if (is_text(row) ? strcmp(text_of(a, row), text_of(b, row)) != 0
					     : number_of(a, row) != number_of(b, row))
			scopes |= row->scope;
	}
	return scopes;
}
