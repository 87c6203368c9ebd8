/* SPDX-License-Identifier: Apache-2.0 */
/* Names for completion, from tenantd. */
#include "admin-cli/complete.h"
#include "admin-cli/connection.h"
#include "admin-cli/reply.h"
#include "admin-cli/request.h"

/* Which command tells the names of a kind, under which keys. */
static const struct source {
	enum word_kind kind;
	int route;
	const char *list, *name;	/* NAME NULL: the list is one of texts */
} sources[] = {
	{ KIND_SITE, COMMAND_LIST, "tenants", "site" },
	{ KIND_REMOVED, ROUTE_REMOVED, "removed", "site" },
	{ KIND_PLAN, COMMAND_PLAN_LIST, "plans", "name" },
	{ KIND_PHP, COMMAND_PHP_LIST, "versions", "version" },
	{ KIND_ALIAS, COMMAND_SHOW, "aliases", NULL },
};

static json_t *names_in(const json_t *data, const struct source *source)
{
	json_t *names = json_array();
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach(json_object_get(data, source->list), i, row)
		(void)json_array_append(names, source->name ? json_object_get(row, source->name)
							    : row);
	return names;
}

static json_t *ask(const struct args *a, const struct source *source)
{
	struct args question = { .command = &command_rows[source->route], .operand = a->operand };
	const char *socket = connection_socket(a->flag[FLAG_SOCKET]);
	struct text path = { 0 };
	struct text answer = { .limit = REPLY_MAX };
	struct reply reply = { 0 };
	struct err unused = { 0 };
	json_t *names = NULL;

	request_path(&path, &question);
	if (!path.failed &&
	    connection_ask(socket, path.data, &answer, &unused) == 0 &&
	    reply_parse(&reply, answer.data ? answer.data : "", &unused) == 0)
		names = names_in(reply.data, source);
	reply_done(&reply);
	text_free(&answer);
	text_free(&path);
	return names;
}

json_t *complete_ask(void *ctx, const struct args *a, enum word_kind kind)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].kind == kind)
			return ask(a, &sources[i]);
	return NULL;
}
