/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to libnftables, answers from it. */
#include "daemon/net/net_table.h"

#include <jansson.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/net/net_rules.h"
#include "schema/errors.h"

#define GUARD_WAIT_MS 50	/* until a killed predecessor has ended */
#define GUARD_TRIES 100

int net_table_open(struct net_table *t, const struct settings *s, struct err *err)
{
	*t = (struct net_table){ .nft = nft_ctx_new(NFT_CTX_DEFAULT), .settings = s };
	if (!t->nft || nft_ctx_buffer_output(t->nft) || nft_ctx_buffer_error(t->nft))
		return err_set(err, ERR_SYSTEM, "no memory for libnftables");
	nft_ctx_output_set_flags(t->nft, NFT_CTX_OUTPUT_JSON);
	return 0;
}

void net_table_close(struct net_table *t)
{
	if (t->nft)
		nft_ctx_free(t->nft);
	text_free(&t->opened);
	t->nft = NULL;
}

static int run(struct net_table *t, const char *commands, const char *what, struct err *err)
{
	if (nft_run_cmd_from_buffer(t->nft, commands) == 0)
		return 0;
	const char *says = nft_ctx_get_error_buffer(t->nft);

	return err_set(err, ERR_FAILED, "nftables: %s: %.*s", what, (int)strcspn(says, "\n"), says);
}

int net_table_remove(struct net_table *t, struct err *err)
{
	char commands[2 * SETTING_TEXT_MAX + 64];

	/* Adding first: what is there can be deleted in every version. */
	if (str_format(commands, sizeof(commands), "add table inet %s\ndelete table inet %s\n",
		       t->settings->net_table, t->settings->net_table) < 0)
		return err_set(err, ERR_BAD_CONFIG, "net_table is too long");
	return run(t, commands, "remove our table", err);
}

int net_table_load(struct net_table *t, struct err *err)
{
	struct text rules = { 0 };
	int rc = net_rules(t->settings, &rules, err);

	if (rc == 0 && rules.failed)
		rc = err_set(err, ERR_SYSTEM, "no memory for the table");
	if (rc == 0 && run(t, rules.data, "load our table", err) < 0) {
		*err = (struct err){ 0 };
		rc = net_table_remove(t, err) < 0 ? -1 :
		     run(t, rules.data, "load our table", err);
	}
	text_free(&rules);
	return rc;
}

int net_table_guard(struct net_table *t, struct err *err)
{
	struct text rules = { 0 };
	int rc = net_rules_guard(t->settings, &rules) < 0 ?
		 err_set(err, ERR_SYSTEM, "no memory for the table") : 0;

	for (int tries = 0; rc == 0; tries++) {
		*err = (struct err){ 0 };
		if (run(t, rules.data, "load our second table", err) == 0)
			break;
		rc = tries < GUARD_TRIES ? 0 : -1;
		(void)poll(NULL, 0, GUARD_WAIT_MS);
	}
	text_free(&rules);
	return rc;
}

int net_table_put(struct net_table *t, const char *set, const char *element, bool is_in,
		  struct err *err)
{
	struct text commands = { 0 };
	const char *table = t->settings->net_table;

	text_add(&commands, "add element inet %s %s { %s }\n", table, set, element);
	if (!is_in)
		text_add(&commands, "delete element inet %s %s { %s }\n", table, set, element);
	int rc = commands.failed ? err_set(err, ERR_SYSTEM, "no memory for a command") :
		 run(t, commands.data, element, err);

	text_free(&commands);
	return rc;
}

/* The listing as JSON; NULL on failure. */
static json_t *list(struct net_table *t, const char *command, struct err *err)
{
	json_error_t where;

	if (run(t, command, command, err) < 0)
		return NULL;
	json_t *json = json_loads(nft_ctx_get_output_buffer(t->nft), 0, &where);

	if (!json)
		(void)err_set(err, ERR_FAILED, "nftables: %s: the answer is no JSON: %s", command,
			      where.text);
	return json;
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* {"nftables": [..., {"set": {"elem": ["value", {"elem": {"val": "value", "counter":
 * {"packets": 1, "bytes": 2}}}]}}]} */
int net_table_each(struct net_table *t, const char *set,
		   void (*each)(const char *value, uint64_t packets, uint64_t bytes, void *arg),
		   void *arg, struct err *err)
{
	char command[SETTING_TEXT_MAX + 64];
	size_t i = 0, k = 0;
	json_t *item = NULL, *element = NULL;

	if (str_format(command, sizeof(command), "list set inet %s %s\n", t->settings->net_table,
		       set) < 0)
		return err_set(err, ERR_BAD_CONFIG, "net_table is too long");
	json_t *json = list(t, command, err);

	if (!json)
		return -1;
	json_array_foreach(json_object_get(json, "nftables"), i, item) {
		json_t *elements = json_object_get(json_object_get(item, "set"), "elem");

		json_array_foreach(elements, k, element) {
			json_t *inner = json_object_get(element, "elem");
			json_t *value = inner ? json_object_get(inner, "val") : element;
			json_t *counter = json_object_get(inner, "counter");

			if (json_is_string(value))
				each(json_string_value(value), number(counter, "packets"),
				     number(counter, "bytes"), arg);
		}
	}
	json_decref(json);
	return 0;
}

int net_table_rivals(struct net_table *t, char *out, size_t size, struct err *err)
{
	json_t *json = list(t, "list chains\n", err), *item = NULL;
	struct text names = { 0 };
	size_t i = 0;

	if (!json)
		return -1;
	json_array_foreach(json_object_get(json, "nftables"), i, item) {
		const char *family = NULL, *table = NULL, *name = NULL;
		const char *hook = NULL, *policy = NULL;

		if (json_unpack(json_object_get(item, "chain"), "{s:s,s:s,s:s,s:s,s:s}", "family",
				&family, "table", &table, "name", &name, "hook", &hook, "policy",
				&policy) == 0 &&
		    strcmp(hook, "forward") == 0 && strcmp(policy, "drop") == 0)
			text_add(&names, "%s'%s %s %s'", names.size ? ", " : "", family, table,
				 name);
	}
	json_decref(json);
	(void)snprintf(out, size, "%s", names.data ? names.data : "");	/* cut: it is for people */
	text_free(&names);
	return 0;
}
