/* SPDX-License-Identifier: Apache-2.0 */
/* Each field's own rules: a taker a field. */
#include "daemon/control/body_fields.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/reasons.h"
#include "schema/value.h"
#include "tenants/idn.h"

_Static_assert(COMMAND_IDS <= 64, "the commands of a field are bits of one number");
#define FOR(id) (UINT64_C(1) << COMMAND_##id)

static const char *text_of(struct body_parse *p, const json_t *value)
{
	const char *s = json_string_value(value);

	if (!s)
		(void)err_set(p->err, ERR_BAD_JSON, "field '%s' must be a text", p->field);
	return s;
}

static int take_site(struct body_parse *p, const json_t *value)
{
	const char *s = text_of(p, value);

	return s ? idn_to_ascii(s, p->change->site, p->err) : -1;
}

static int take_name(struct body_parse *p, const json_t *value)
{
	const char *s = text_of(p, value);

	if (!s || plan_check_name(s, p->err) < 0)
		return -1;
	return str_copy(p->change->name, sizeof(p->change->name), s);
}

/* A plan that must be there. */
static int known_plan(struct body_parse *p, const json_t *value, char out[PLAN_NAME_MAX])
{
	const char *s = text_of(p, value);

	if (!s)
		return -1;
	if (!*s || str_copy(out, PLAN_NAME_MAX, s) < 0)
		return err_set(p->err, ERR_UNKNOWN_PLAN, "there is no plan '%.80s'", s);
	return 0;
}

static int take_plan(struct body_parse *p, const json_t *value)
{
	p->change->has_plan = true;
	return known_plan(p, value, p->change->plan);
}

static int take_parent(struct body_parse *p, const json_t *value)
{
	p->change->has_parent = true;
	return known_plan(p, value, p->change->parent);
}

/* One line of text for people. */
static int line_of(struct body_parse *p, const json_t *value, char *out, size_t room)
{
	const char *s = text_of(p, value);

	if (!s)
		return -1;
	if (str_copy(out, room, s) < 0)
		return err_set(p->err, ERR_BAD_JSON, "field '%s' has more than %zu bytes", p->field,
			       room - 1);
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return err_set(p->err, ERR_BAD_JSON, "field '%s' holds a control character",
				       p->field);
	return 0;
}

static int take_reason(struct body_parse *p, const json_t *value)
{
	return line_of(p, value, p->change->reason, sizeof(p->change->reason));
}

static int take_class(struct body_parse *p, const json_t *value)
{
	const char *s = text_of(p, value);
	const struct reason_row *row = s ? reason_by_word(s) : NULL;
	struct text words = { 0 };

	if (row)
		p->change->reason_class = row->number;
	if (!s || row)
		return row ? 0 : -1;
	for (uint32_t i = 0; i < REASON_CLASSES; i++)
		text_add(&words, "%s%s", i ? ", " : "", reason_rows[i].word);
	(void)err_set(p->err, ERR_BAD_OPTION, "class '%.40s' is not among: %s", s,
		      words.data ? words.data : "");
	text_free(&words);
	return -1;
}

static int take_sentence(struct body_parse *p, const json_t *value)
{
	p->change->has_sentence = true;
	return line_of(p, value, p->change->sentence, sizeof(p->change->sentence));
}

/* A text without a zero byte, which would hide what follows it. */
static int add_word(struct body_parse *p, const json_t *value)
{
	struct wire_exec *e = &p->change->exec;
	const char *s = text_of(p, value);
	size_t n = s ? json_string_length(value) : 0;

	if (!s)
		return -1;
	if (strlen(s) != n)
		return err_set(p->err, ERR_BAD_JSON, "field '%s' holds a zero byte", p->field);
	if (e->count == EXEC_WORDS_MAX || n + 1 > sizeof(e->words) - e->size)
		return err_set(p->err, ERR_BAD_JSON, "a command has at most %d words and %d bytes",
			       EXEC_WORDS_MAX, EXEC_WORDS_SIZE);
	memcpy(e->words + e->size, s, n + 1);
	e->size += (uint32_t)n + 1;
	e->count++;
	return 0;
}

static int take_argv(struct body_parse *p, const json_t *value)
{
	size_t i = 0;
	json_t *item = NULL;

	if (json_array_size(value) == 0)
		return err_set(p->err, ERR_BAD_JSON, "field 'argv' must be a list of texts");
	json_array_foreach(value, i, item) {
		(void)str_format(p->field, FIELD_MAX, "argv.%zu", i);
		if (add_word(p, item) < 0)
			return -1;
	}
	if (p->change->exec.words[0] == '\0')
		return err_set(p->err, ERR_BAD_JSON, "the program has no name");
	return 0;
}

static int take_limit(struct body_parse *p, const json_t *value)
{
	const char *s = text_of(p, value);
	uint64_t seconds = 0;

	if (!s)
		return -1;
	if (value_parse_seconds(s, &seconds) < 0 || seconds < 1 || seconds > EXEC_LIMIT_MAX_S)
		return err_set(p->err, ERR_BAD_OPTION, "limit '%.40s' is no time from 1s to 24h",
			       s);
	p->change->exec.limit_s = (uint32_t)seconds;
	return 0;
}

static int take_alias(struct body_parse *p, const json_t *value)
{
	struct change *c = p->change;
	const char *s = text_of(p, value);
	char host[SITE_MAX];

	if (!s || idn_to_ascii(s, host, p->err) < 0)
		return -1;
	for (uint32_t i = 0; i < c->alias_count; i++)
		if (strcmp(c->alias[i], host) == 0)
			return err_set(p->err, ERR_CONFLICT, "alias '%s' stands twice", host);
	if (c->alias_count == ALIASES_MAX)
		return err_set(p->err, ERR_BAD_JSON, "a site has at most %d aliases", ALIASES_MAX);
	memcpy(c->alias[c->alias_count++], host, sizeof(host));
	return 0;
}

static int take_aliases(struct body_parse *p, const json_t *value)
{
	size_t i = 0;
	json_t *item = NULL;

	if (!json_is_array(value))
		return err_set(p->err, ERR_BAD_JSON, "field 'aliases' must be a list of texts");
	p->change->has_aliases = true;
	json_array_foreach(value, i, item) {
		(void)str_format(p->field, FIELD_MAX, "aliases.%zu", i);
		if (take_alias(p, item) < 0)
			return -1;
	}
	return 0;
}

/* Values may come as texts or as what JSON has for them. */
static int option_text(struct body_parse *p, const json_t *value, char out[OPTION_FORMAT_MAX])
{
	int rc = -1;

	if (json_is_string(value))
		rc = str_copy(out, OPTION_FORMAT_MAX, json_string_value(value));
	else if (json_is_boolean(value))
		rc = str_copy(out, OPTION_FORMAT_MAX, json_is_true(value) ? "yes" : "no");
	else if (json_is_integer(value))
		rc = str_format(out, OPTION_FORMAT_MAX, "%lld",
				(long long)json_integer_value(value));
	else
		return err_set(p->err, ERR_BAD_JSON,
			       "field '%s' must be a text, a whole number or true or false",
			       p->field);
	if (rc < 0)
		return err_set(p->err, ERR_BAD_OPTION, "'%s' has more than %d bytes", p->field,
			       OPTION_FORMAT_MAX - 1);
	return 0;
}

static int take_option(struct body_parse *p, const char *name, const json_t *value)
{
	const struct option_row *row = option_by_name(name);
	char text[OPTION_FORMAT_MAX];

	if (!row)
		return err_set(p->err, ERR_BAD_OPTION, "there is no option '%.64s'", name);
	if (json_is_null(value) && strcmp(command_rows[p->change->command].method, "PATCH") == 0) {
		const char *entry = option_entry_name(row, name);

		p->change->cleared.of[row->id].is_set = true;
		return entry ? overrides_set(&p->change->cleared, name, "", p->err) : 0;
	}
	if (option_text(p, value, text) < 0)
		return -1;
	return overrides_set(&p->change->options, name, text, p->err);
}

static int take_options(struct body_parse *p, const json_t *value)
{
	const char *name = NULL;
	json_t *item = NULL;

	if (!json_is_object(value))
		return err_set(p->err, ERR_BAD_JSON,
			       "field 'options' must be an object of names and values");
	json_object_foreach((json_t *)value, name, item) {
		(void)str_format(p->field, FIELD_MAX, "options.%.64s", name);
		if (take_option(p, name, item) < 0)
			return -1;
	}
	return 0;
}

const struct body_field body_fields[BODY_FIELDS] = {
#define BODY(name, type, commands, required, sentence) \
	{ #name, commands, required, take_##name },
#include "schema/body.def"
#undef BODY
};
