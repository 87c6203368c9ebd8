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

void request_path(struct text *out, const struct args *a)
{
	static const char site_mark[] = "{site}";
	const char *path = a->command->path;
	const char *mark = strstr(path, site_mark);

	if (a->command->id == COMMAND_STATUS && !a->site) {
		text_add(out, "/v1/status");
		return;
	}
	if (!mark) {
		text_add(out, "%s", a->list == LIST_REMOVED ? "/v1/removed"
				    : a->list == LIST_PLANS ? "/v1/plans" : path);
		return;
	}
	text_add(out, "%.*s", (int)(mark - path), path);
	add_encoded(out, a->site);
	text_add(out, "%s", mark + strlen(site_mark));
}

/* Adds VALUE, which may be NULL after a json_ function refused its text. */
static int put(json_t *object, const char *name, size_t name_size, json_t *value, struct err *err)
{
	if (!value || json_object_setn_new(object, name, name_size, value) < 0)
		return err_set(err, ERR_USAGE, "'%.40s' or its value is not UTF-8 text", name);
	return 0;
}

static int put_options(json_t *body, const struct args *a, struct err *err)
{
	json_t *options = json_object();

	if (put(body, "options", strlen("options"), options, err) < 0)
		return -1;
	for (size_t i = 0; i < a->option_count; i++) {
		const char *name = a->option[i];
		size_t n = strcspn(name, "=");
		const char *value = name + n + 1;
		/* `set NAME=` goes back to the plan's value. */
		json_t *json = *value || a->command->id == COMMAND_ADD ? json_string(value)
								       : json_null();

		if (put(options, name, n, json, err) < 0)
			return -1;
	}
	return 0;
}

static int put_aliases(json_t *body, const struct args *a, struct err *err)
{
	json_t *aliases = json_array();

	if (put(body, "aliases", strlen("aliases"), aliases, err) < 0)
		return -1;
	for (size_t i = 0; i < a->alias_count; i++)
		if (json_array_append_new(aliases, json_string(a->alias[i])) < 0)
			return err_set(err, ERR_USAGE, "alias '%.80s' is not UTF-8 text",
				       a->alias[i]);
	return 0;
}

static int fill(json_t *body, const struct args *a, struct err *err)
{
	bool is_add = a->command->id == COMMAND_ADD;

	if (is_add && (put(body, "site", strlen("site"), json_string(a->site), err) < 0 ||
		       put_aliases(body, a, err) < 0))
		return -1;
	if (a->plan && put(body, "plan", strlen("plan"), json_string(a->plan), err) < 0)
		return -1;
	if ((is_add || a->option_count > 0) && put_options(body, a, err) < 0)
		return -1;
	if (a->reason && put(body, "reason", strlen("reason"), json_string(a->reason), err) < 0)
		return -1;
	return 0;
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
