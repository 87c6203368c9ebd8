/* SPDX-License-Identifier: Apache-2.0 */
/* Path and body of a command's HTTP request. */
#include "admin-cli/request.h"

#include <string.h>

#include "schema/errors.h"

/* Everything but RFC 3986's unreserved characters is encoded, so that a name
 * like "../x" reaches tenantd as a name and is refused there as one. */
static void add_encoded(struct text *out, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *s; s++)
		if (strchr(plain, *s))
			text_add(out, "%c", *s);
		else
			text_add(out, "%%%02X", (unsigned char)*s);
}

/* Fields of this place; all but the first of a path are told apart by '&'. */
static void add_query(struct text *out, const struct args *a)
{
	const char *mark = "?";

	for (size_t i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];

		if (flag->place != FLAG_QUERY || !a->flag[i])
			continue;
		text_add(out, "%s%s=", mark, flag->field);
		add_encoded(out, *flag->value ? a->flag[i] : "yes");
		mark = "&";
	}
}

void request_path(struct text *out, const struct args *a)
{
	const char *path = args_route(a)->path;
	size_t head = strcspn(path, "{");

	text_add(out, "%.*s", (int)head, path);
	if (path[head]) {
		add_encoded(out, a->operand);
		text_add(out, "%s", strchr(path, '}') + 1);
	}
	add_query(out, a);
}

/* Adds VALUE, which may be NULL after a json_ function refused its text. */
static int put(json_t *object, const char *name, size_t name_size, json_t *value, struct err *err)
{
	if (!value || json_object_setn_new(object, name, name_size, value) < 0)
		return err_set(err, ERR_USAGE, "'%.40s' or its value is not UTF-8 text", name);
	return 0;
}

static int put_field(json_t *object, const char *name, json_t *value, struct err *err)
{
	return put(object, name, strlen(name), value, err);
}

static int put_options(json_t *body, const struct args *a, struct err *err)
{
	/* In a change `NAME=` goes back to the plan's value. */
	bool clears = strcmp(a->command->method, "PATCH") == 0;
	json_t *options = json_object();

	if (put_field(body, "options", options, err) < 0)
		return -1;
	for (size_t i = 0; i < a->rest_count; i++) {
		const char *name = a->rest[i];
		size_t n = strcspn(name, "=");
		const char *value = name + n + 1;
		json_t *json = *value || !clears ? json_string(value) : json_null();

		if (put(options, name, n, json, err) < 0)
			return -1;
	}
	return 0;
}

/* Appends to the list of that name, which is made if it is not there yet. */
static int put_item(json_t *body, const char *name, const char *value, struct err *err)
{
	json_t *list = json_object_get(body, name);

	if (!list) {
		list = json_array();
		if (put_field(body, name, list, err) < 0)
			return -1;
	}
	if (json_array_append_new(list, json_string(value)) < 0)
		return err_set(err, ERR_USAGE, "'%.80s' is not UTF-8 text", value);
	return 0;
}

static int put_flags(json_t *body, const struct args *a, struct err *err)
{
	for (size_t i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];

		if (flag->place != FLAG_BODY || !a->flag[i] || flag->times == FLAG_MANY)
			continue;
		if (put_field(body, flag->field,
			      *flag->value ? json_string(a->flag[i]) : json_true(), err) < 0)
			return -1;
	}
	for (size_t i = 0; i < a->item_count; i++)
		if (put_item(body, flag_rows[a->item[i].flag].field, a->item[i].value, err) < 0)
			return -1;
	return 0;
}

static int put_rest(json_t *body, const struct args *a, struct err *err)
{
	switch (a->command->rest) {
	case REST_NONE:
		break;
	case REST_OPTIONS:
		return a->rest_count > 0 ? put_options(body, a, err) : 0;
	case REST_WORDS:
		for (size_t i = 0; i < a->rest_count; i++)
			if (put_item(body, "argv", a->rest[i], err) < 0)
				return -1;
		break;
	case REST_HOSTS:
		for (size_t i = 0; i < a->rest_count; i++)
			if (put_item(body, flag_rows[FLAG_ALIAS].field, a->rest[i], err) < 0)
				return -1;
		break;
	}
	return 0;
}

static int fill(json_t *body, const struct args *a, struct err *err)
{
	if (a->operand && !strchr(a->command->path, '{') &&
	    put_field(body, a->command->operand == OPERAND_PLAN ? "name" : "site",
		      json_string(a->operand), err) < 0)
		return -1;
	if (put_flags(body, a, err) < 0)
		return -1;
	return put_rest(body, a, err);
}

int request_body(json_t **out, const struct args *a, struct err *err)
{
	json_t *body = NULL;

	if (strcmp(a->command->method, "POST") == 0 || strcmp(a->command->method, "PATCH") == 0) {
		body = json_object();
		if (!body)
			return err_set(err, ERR_SYSTEM, "no memory for the request");
		if (fill(body, a, err) < 0) {
			json_decref(body);
			return -1;
		}
	}
	*out = body;
	return 0;
}
