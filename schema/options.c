/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and the one reader, writer and check over it. */
#include "schema/options.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/option_list.h"
#include "schema/option_value.h"

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

void options_format(const struct options *o, const struct option_row *row,
		    char out[OPTION_FORMAT_MAX])
{
	if (row->type == OPTION_NAMES && !*text_of(o, row))
		(void)snprintf(out, OPTION_FORMAT_MAX, "none");
	else if (is_text(row))
		(void)snprintf(out, OPTION_FORMAT_MAX, "%s", text_of(o, row));
	else
		option_value_format(row, number_of(o, row), out, OPTION_FORMAT_MAX);
}

int options_parse(struct options *o, const struct option_row *row, const char *value,
		  struct err *err)
{
	char *field = (char *)o + row->offset;
	uint64_t number = 0;

	if (is_list(row))
		return option_list_parse(row, field, value, err);
	if (is_short(row)) {
		if (!option_text_is_safe(row, value))
			return option_value_refuse(row, value, err);
		memset(field, 0, OPTION_TEXT_MAX);
		memcpy(field, value, strlen(value));
		return 0;
	}
	if (option_value_parse(row, value, &number) < 0 || number < row->min || number > row->max)
		return option_value_refuse(row, value, err);
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
			    !option_text_is_safe(row, text_of(o, row)))
				return option_value_refuse(row, "?", err);
			continue;
		}
		uint64_t value = number_of(o, row);

		if (value >= row->min && value <= row->max)
			continue;
		(void)snprintf(shown, sizeof(shown), "%llu", (unsigned long long)value);
		return option_value_refuse(row, shown, err);
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
