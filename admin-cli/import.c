/* SPDX-License-Identifier: Apache-2.0 */
/* Which pool becomes which site, one request for each, and the envelope of them all. */
#include "admin-cli/import.h"

#include <stdlib.h>
#include <string.h>

#include "admin-cli/connection.h"
#include "admin-cli/fpm_files.h"
#include "admin-cli/import_php.h"
#include "admin-cli/request.h"
#include "build_config.h"
#include "schema/errors.h"
#include "schema/name.h"

struct import {
	const struct args *a;
	const char *socket;
	json_t *rows;		/* of the envelope */
	json_t *sites;		/* host -> pool, of those that were taken */
	int worst;		/* exit status */
	int added, unchanged, left;
};

static const char *pool_name(const json_t *pool)
{
	return json_string_value(json_object_get(pool, "pool"));
}

/* The HOST of a --site POOL=HOST, or NULL.  The pool's name may hold a '='. */
static const char *host_given(const struct args_item *item, const char *pool)
{
	size_t n = strlen(pool);

	if (item->flag != FLAG_SITE || strncmp(item->value, pool, n) != 0 || item->value[n] != '=')
		return NULL;
	return item->value + n + 1;
}

/* A --site for a pool that is not there is a slip of the pen. */
static int check_given(const struct args *a, const json_t *pools, struct err *err)
{
	size_t k = 0;
	json_t *pool = NULL;

	for (size_t i = 0; i < a->item_count; i++) {
		bool is_found = a->item[i].flag != FLAG_SITE;

		json_array_foreach(pools, k, pool)
			is_found = is_found || host_given(&a->item[i], pool_name(pool));
		if (!is_found)
			return err_set(err, ERR_USAGE, "--site '%.80s' is not POOL=HOST of a pool "
				       "in these files", a->item[i].value);
	}
	return 0;
}

/* The site's name: as given, else the pool's own if it can be one, else NULL. */
static const char *host_of(const struct args *a, const char *pool)
{
	struct err unused = { 0 };
	const char *host = NULL;

	for (size_t i = 0; i < a->item_count && !host; i++)
		host = host_given(&a->item[i], pool);
	return host ? host : name_check(pool, &unused) == 0 ? pool : NULL;
}

static int add_outcome(struct import *m, const char *pool, const char *host, const char *becomes,
		       const char *why, struct err *err)
{
	struct text section = { 0 };

	text_add(&section, "[%s]", pool);
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s}", "pool", pool, "directive",
				section.data ? section.data : "", "value", host ? host : "",
				"becomes", becomes, "why", why);

	text_free(&section);
	if (!row)
		return err_set(err, ERR_USAGE, "--site '%.80s' is not UTF-8 text",
			       host ? host : "");
	return json_array_append_new(m->rows, row) < 0
	       ? err_set(err, ERR_SYSTEM, "no memory for the reply") : 0;
}

static int send(const struct import *m, const json_t *pool, const char *host, struct reply *out,
		struct err *err)
{
	const char *plan = m->a->flag[FLAG_PLAN];
	struct args add = { .command = &command_rows[COMMAND_ADD], .operand = host };
	json_t *body = json_pack("{s:s, s:s*, s:O}", "site", host, "plan", plan, "options",
				 json_object_get(pool, "options"));
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct text path = { 0 };
	struct text answer = { 0 };

	add.flag[FLAG_DRY_RUN] = m->a->flag[FLAG_DRY_RUN];
	request_path(&path, &add);
	int rc = !text || path.failed
		 ? err_set(err, ERR_USAGE, "the name of a site or plan is not UTF-8 text")
		 : connection_request(m->socket, add.command->method, path.data, text, &answer,
				      err);

	if (rc == 0)
		rc = reply_parse(out, answer.data ? answer.data : "", err);
	text_free(&answer);
	text_free(&path);
	free(text);
	json_decref(body);
	return rc;
}

static int import_site(struct import *m, const json_t *pool, const char *host, struct err *err)
{
	struct reply reply = { 0 };
	struct err refused = { 0 };

	if (send(m, pool, host, &reply, err) < 0)
		return -1;
	const char *becomes = reply.is_failed ? "refused" : reply.is_unchanged ? "unchanged"
			      : m->a->flag[FLAG_DRY_RUN] ? "would be added" : "added";

	if (reply.is_failed) {
		reply_error(&reply, &refused);
		int status = error_row(refused.code)->exit_status;

		m->worst = status > m->worst ? status : m->worst;
		m->left++;
	} else if (reply.is_unchanged) {
		m->unchanged++;
	} else {
		m->added++;
	}
	int rc = add_outcome(m, pool_name(pool), host, becomes, refused.text, err);

	reply_done(&reply);
	return rc;
}

static int skip(struct import *m, const json_t *pool, const char *host, const char *why,
		int status, struct err *err)
{
	m->worst = status > m->worst ? status : m->worst;
	m->left++;
	return add_outcome(m, pool_name(pool), host, "skipped", why, err);
}

static int import_pool(struct import *m, const json_t *pool, struct err *err)
{
	const char *name = pool_name(pool);
	const char *host = host_of(m->a, name);

	if (json_array_extend(m->rows, json_object_get(pool, "rows")) < 0)
		return err_set(err, ERR_SYSTEM, "no memory for the reply");
	if (strcmp(name, "global") == 0)
		return 0;
	if (!host)
		return skip(m, pool, NULL, "its name is no host name; give --site POOL=HOST, or "
			    "--site POOL= to leave it out", 1, err);
	if (!*host)
		return skip(m, pool, NULL, "--site leaves it out", 0, err);
	if (json_object_get(m->sites, host))
		return skip(m, pool, host, "another pool of these files has become that site",
			    4, err);
	if (json_object_set_new(m->sites, host, json_true()) < 0)
		return err_set(err, ERR_USAGE, "--site '%.80s' is not UTF-8 text", host);
	return import_site(m, pool, host, err);
}

static int pack(const struct import *m, struct reply *out, struct err *err)
{
	bool is_dry = m->a->flag[FLAG_DRY_RUN] != NULL;
	struct text reason = { 0 };

	text_add(&reason, "%d %s, %d unchanged, %d left", m->added,
		 is_dry ? "would be added" : "added", m->unchanged, m->left);
	json_t *root = json_pack("{s:{s:s, s:s, s:s, s:s}, s:{s:O}}", "metadata",
				 "command", m->a->command->word, "result",
				 m->worst ? "failed" : m->added ? "done" : "unchanged",
				 "reason", reason.data ? reason.data : "",
				 "version", TENANTD_VERSION, "data", "rows", m->rows);

	text_free(&reason);
	if (!root || (is_dry && json_object_set_new(json_object_get(root, "data"), "dry_run",
						    json_true()) < 0)) {
		json_decref(root);
		return err_set(err, ERR_SYSTEM, "no memory for the reply");
	}
	/* Each row tells its own failure; it is shown as a list. */
	*out = (struct reply){ .root = root, .data = json_object_get(root, "data"), .reason = "" };
	return 0;
}

int import_run(const struct args *a, const char *socket, struct reply *out, int *out_status,
	       struct err *err)
{
	struct import m = { .a = a, .socket = socket, .rows = json_array(),
			    .sites = json_object() };
	json_t *pools = NULL;
	json_t *pool = NULL;
	size_t i = 0;
	int rc = fpm_files_read(a->operand, &pools, err);

	if (rc == 0)
		rc = check_given(a, pools, err);
	if (rc == 0)
		rc = import_php(socket, a->operand, pools, err);
	json_array_foreach(pools, i, pool)
		if (rc == 0)
			rc = import_pool(&m, pool, err);
	if (rc == 0)
		rc = pack(&m, out, err);
	if (rc == 0)
		*out_status = m.worst;
	else if (m.added && !a->flag[FLAG_DRY_RUN])
		(void)err_wrap(err, "after %d new sites", m.added);
	json_decref(pools);
	json_decref(m.rows);
	json_decref(m.sites);
	return rc;
}
