/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of request bodies: one JSON object, its fields by the table. */
#include "daemon/control/body.h"

#include <string.h>

#include "base/str.h"
#include "daemon/control/body_fields.h"
#include "schema/errors.h"

static const struct body_field *field_of(const char *name, uint64_t command)
{
	for (size_t i = 0; i < BODY_FIELDS; i++)
		if ((body_fields[i].commands & command) && strcmp(body_fields[i].name, name) == 0)
			return &body_fields[i];
	return NULL;
}

static int take_all(struct body_parse *p, const json_t *root, uint64_t command)
{
	const char *name = NULL;
	json_t *value = NULL;

	json_object_foreach((json_t *)root, name, value) {
		const struct body_field *f = field_of(name, command);

		(void)str_format(p->field, FIELD_MAX, "%.64s", name);
		if (!f)
			return err_set(p->err, ERR_BAD_JSON, "'%.64s' is not a field of %s", name,
				       command_rows[p->change->command].word);
		if (f->take(p, value) < 0)
			return -1;
	}
	for (size_t i = 0; i < BODY_FIELDS; i++) {
		const struct body_field *f = &body_fields[i];

		if (!(f->required & command) || json_object_get(root, f->name))
			continue;
		(void)str_copy(p->field, FIELD_MAX, f->name);
		return err_set(p->err, ERR_BAD_JSON, "field '%s' is missing", f->name);
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
	for (size_t i = 0; i < BODY_FIELDS; i++)
		if (body_fields[i].required & command)
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
	struct body_parse p = { .change = &change, .field = field, .err = err };
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
