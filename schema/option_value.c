/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing one value; what is wrong with it. */
#include "schema/option_value.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/value.h"

void option_value_format(const struct option_row *row, uint64_t value, char *out, size_t size)
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

/* Behind "VALUE is ": what the option does not take it for. */
static void add_refusal(struct text *out, const struct option_row *row)
{
	unsigned long long min = row->min, max = row->max;
	char low[64], high[64];

	switch (row->type) {
	case OPTION_BOOL:
		text_add(out, "neither yes nor no");
		return;
	case OPTION_ENUM:
	case OPTION_SET:
		text_add(out, "not among: ");
		for (size_t i = 0; row->words[i]; i++)
			text_add(out, "%s%s", i ? ", " : "", row->words[i]);
		text_add(out, "%s", row->type == OPTION_SET ? ", none" : "");
		return;
	case OPTION_TEXT:
		text_add(out, "not a relative path of %llu to %llu letters, digits, '.', '_', '-' "
			      "and '/' without '..'", min, max);
		return;
	case OPTION_URI:
		text_add(out, "not a '/' and then letters, digits, '.', '_', '-' and '/' without "
			      "'..', %llu bytes at most", max);
		return;
	case OPTION_LINE:
		text_add(out, "not %llu to %llu printable characters", min, max);
		return;
	case OPTION_VERSION:
		text_add(out, "no version: a digit, then letters, digits, '.', '_' and '-', %llu "
			      "bytes at most", max);
		return;
	case OPTION_SIZE:
	case OPTION_COUNT:
	case OPTION_PERCENT:
	case OPTION_SECONDS:
	case OPTION_NAMES:
	case OPTION_KEYED:
		break;
	}
	option_value_format(row, row->min, low, sizeof(low));
	option_value_format(row, row->max, high, sizeof(high));
	text_add(out, "not in the range %s to %s", low, high);
}

int option_value_refuse(const struct option_row *row, const char *value, struct err *err)
{
	struct text why = { 0 };

	add_refusal(&why, row);
	(void)err_set(err, ERR_BAD_OPTION, "option '%s': '%.64s' is %s", row->name, value,
		      why.data ? why.data : "refused");
	text_free(&why);
	return -1;
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
bool option_text_is_safe(const struct option_row *row, const char *s)
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

int option_value_parse(const struct option_row *row, const char *value, uint64_t *out)
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
