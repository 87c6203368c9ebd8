/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of request bodies. */
#include "daemon/control/body.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/value.h"
#include "schema/reasons.h"
#include "tenants/idn.h"

/* One run over one body. */
struct parse {
	struct change *change;
	char *field;		/* FIELD_MAX; where the reader is */
	struct err *err;
};

struct field {
	const char *name;
	uint64_t commands;	/* bits of those that know it */
	uint64_t required;	/* bits of those that need it */
	int (*take)(struct parse *p, const json_t *value);
};

_Static_assert(COMMAND_IDS <= 64, "the commands of a field are bits of one number");
#define FOR(id) (UINT64_C(1) << COMMAND_##id)

static const char *text_of(struct parse *p, const json_t *value)
{
	const char *s = json_string_value(value);

	if (!s)
		(void)err_set(p->err, ERR_BAD_JSON, "field '%s' must be a text", p->field);
	return s;
}

static int take_site(struct parse *p, const json_t *value)
{
	const char *s = text_of(p, value);

	return s ? idn_to_ascii(s, p->change->site, p->err) : -1;
}

static int take_name(struct parse *p, const json_t *value)
{
	const char *s = text_of(p, value);

	if (!s || plan_check_name(s, p->err) < 0)
		return -1;
	return str_copy(p->change->name, sizeof(p->change->name), s);
}

/* A plan that must be there. */
static int known_plan(struct parse *p, const json_t *value, char out[PLAN_NAME_MAX])
{
	const char *s = text_of(p, value);

	if (!s)
		return -1;
	if (!*s || str_copy(out, PLAN_NAME_MAX, s) < 0)
		return err_set(p->err, ERR_UNKNOWN_PLAN, "there is no plan '%.80s'", s);
	return 0;
}

static int take_plan(struct parse *p, const json_t *value)
{
	p->change->has_plan = true;
	return known_plan(p, value, p->change->plan);
}

static int take_parent(struct parse *p, const json_t *value)
{
	p->change->has_parent = true;
	return known_plan(p, value, p->change->parent);
}

/* One line of text for people. */
static int line_of(struct parse *p, const json_t *value, char *out, size_t room)
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

static int take_reason(struct parse *p, const json_t *value)
{
	return line_of(p, value, p->change->reason, sizeof(p->change->reason));
}

static int take_class(struct parse *p, const json_t *value)
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

static int take_sentence(struct parse *p, const json_t *value)
{
	p->change->has_sentence = true;
	return line_of(p, value, p->change->sentence, sizeof(p->change->sentence));
}

/* A text without a zero byte, which would hide what follows it. */
static int add_word(struct parse *p, const json_t *value)
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

static int take_argv(struct parse *p, const json_t *value)
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

static int take_limit(struct parse *p, const json_t *value)
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

static int take_alias(struct parse *p, const json_t *value)
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

static int take_aliases(struct parse *p, const json_t *value)
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
static int option_text(struct parse *p, const json_t *value, char out[OPTION_FORMAT_MAX])
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

static int take_option(struct parse *p, const char *name, const json_t *value)
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

static int take_options(struct parse *p, const json_t *value)
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

static const struct field fields[] = {
#define BODY(name, type, commands, required, sentence) \
	{ #name, commands, required, take_##name },
#include "schema/body.def"
#undef BODY
};

static const struct field *field_of(const char *name, uint64_t command)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if ((fields[i].commands & command) && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static int take_all(struct parse *p, const json_t *root, uint64_t command)
{
	const char *name = NULL;
	json_t *value = NULL;

	json_object_foreach((json_t *)root, name, value) {
		const struct field *f = field_of(name, command);

		(void)str_format(p->field, FIELD_MAX, "%.64s", name);
		if (!f)
			return err_set(p->err, ERR_BAD_JSON, "'%.64s' is not a field of %s", name,
				       command_rows[p->change->command].word);
		if (f->take(p, value) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if ((fields[i].required & command) && !json_object_get(root, fields[i].name)) {
			(void)str_copy(p->field, FIELD_MAX, fields[i].name);
			return err_set(p->err, ERR_BAD_JSON, "field '%s' is missing",
				       fields[i].name);
		}
	p->field[0] = '\0';
	return 0;
}

/* The library bounds depth at 2048; what we know is three deep. */
static bool is_shallow(const char *text, size_t size)
{
	bool is_text = false;
	int depth = 0;

	for (size_t i = 0; i < size; i++) {
		if (is_text && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			is_text = !is_text;
		else if (!is_text && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!is_text && (text[i] == '}' || text[i] == ']'))
			depth--;
		if (depth > BODY_DEPTH_MAX)
			return false;
	}
	return true;
}

static bool needs_body(uint64_t command)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].required & command)
			return true;
	return false;
}

/* The key that stands just before SIZE: the library says where, not which. */
static void blame_key(const char *text, size_t size, char field[FIELD_MAX])
{
	size_t end = size;

	while (end > 0 && text[end - 1] != '"')
		end--;
	size_t begin = end > 0 ? end - 1 : 0;

	while (begin > 0 && text[begin - 1] != '"')
		begin--;
	if (end > 0 && begin > 0)
		(void)str_format(field, FIELD_MAX, "%.*s", (int)(end - 1 - begin < 64 ?
				 end - 1 - begin : 64), text + begin);
}

int body_parse(const char *text, size_t size, struct change *out, char field[FIELD_MAX],
	       struct err *err)
{
	struct change change = *out;
	struct parse p = { .change = &change, .field = field, .err = err };
	uint64_t command = UINT64_C(1) << out->command;
	json_error_t where = { 0 };
	json_t *root = NULL;

	field[0] = '\0';
	if (size == 0 && !needs_body(command))
		return 0;		/* nothing said */
	if (!is_shallow(text, size))
		return err_set(err, ERR_BAD_JSON, "the body nests deeper than %d", BODY_DEPTH_MAX);
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(root)) {
		json_decref(root);
		if (json_error_code(&where) == json_error_duplicate_key && where.position > 0 &&
		    (size_t)where.position <= size)
			blame_key(text, (size_t)where.position, field);
		return err_set(err, ERR_BAD_JSON, "the body is no JSON object%s%.200s",
			       where.text[0] ? ": " : "", where.text);
	}
	int rc = take_all(&p, root, command);

	json_decref(root);
	if (rc == 0)
		*out = change;
	return rc;
}
