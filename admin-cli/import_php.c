/* SPDX-License-Identifier: Apache-2.0 */
/* The version in a path, and whether it is among tenantd's. */
#include "admin-cli/import_php.h"

#include <stdlib.h>
#include <string.h>

#include "admin-cli/connection.h"
#include "admin-cli/reply.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/options.h"

#define BEFORE "/php/"
#define BEHIND "/fpm"

/* Cuts REAL behind "/php/VERSION/fpm" and fills VERSION; false if it has no such part. */
static bool find_version(char *real, char version[OPTION_TEXT_MAX])
{
	struct options scratch;
	struct err err = { 0 };

	options_default(&scratch);
	for (char *at = real; (at = strstr(at, BEFORE)); at++) {
		const char *name = at + strlen(BEFORE);
		size_t size = strcspn(name, "/");
		size_t end = (size_t)(name - real) + size + strlen(BEHIND);

		if (strncmp(name + size, BEHIND, strlen(BEHIND)) != 0 ||
		    (real[end] != '\0' && real[end] != '/') ||
		    str_format(version, OPTION_TEXT_MAX, "%.*s", (int)size, name) < 0 ||
		    !*version ||
		    options_set(&scratch, option_rows[OPT_php].name, version, &err) < 0)
			continue;
		real[end] = '\0';
		return true;
	}
	return false;
}

static int ask(const char *socket, const char *version, bool *out_is_there, struct err *err)
{
	const struct command_row *c = &command_rows[COMMAND_PHP_LIST];
	struct text answer = { .limit = REPLY_MAX };
	struct reply reply = { 0 };
	size_t i = 0;
	json_t *row = NULL;
	int rc = connection_request(socket, c->method, c->path, NULL, &answer, err);

	if (rc == 0)
		rc = reply_parse(&reply, answer.data ? answer.data : "", err);
	if (rc == 0 && reply.is_failed) {
		reply_error(&reply, err);
		rc = -1;
	}
	if (rc == 0) {
		json_array_foreach(json_object_get(reply.data, "versions"), i, row) {
			const char *name = json_string_value(json_object_get(row, "version"));
			const char *state = json_string_value(json_object_get(row, "state"));

			*out_is_there |= name && state && strcmp(name, version) == 0 &&
					 strcmp(state, "ready") == 0;
		}
	}
	reply_done(&reply);
	text_free(&answer);
	return rc;
}

/* A [global] section becomes no site. */
static int add(json_t *pool, const char *folder, const char *version, bool is_there,
	       struct err *err)
{
	const char *name = json_string_value(json_object_get(pool, "pool"));
	const char *option = option_rows[OPT_php].name;
	char becomes[OPTION_NAME_MAX + OPTION_TEXT_MAX + 1] = "";

	if (strcmp(name, "global") == 0)
		return 0;
	if (is_there)
		(void)str_format(becomes, sizeof(becomes), "%s=%s", option, version);
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s}", "pool", name, "directive", folder,
				"value", version, "becomes", becomes, "why",
				is_there ? "" : "this PHP is not there (tenantctl php list); "
				"the site gets the plan's");

	if (!row)
		return err_set(err, ERR_USAGE, "the name of the folder is not UTF-8 text");
	if (json_array_insert_new(json_object_get(pool, "rows"), 0, row) < 0 ||
	    (is_there && json_object_set_new(json_object_get(pool, "options"), option,
					     json_string(version)) < 0))
		return err_set(err, ERR_SYSTEM, "no memory for the pools");
	return 0;
}

int import_php(const char *socket, const char *path, json_t *pools, struct err *err)
{
	char version[OPTION_TEXT_MAX];
	char *real = realpath(path, NULL);
	bool is_there = false;
	json_t *pool = NULL;
	size_t i = 0;
	int rc = 0;

	if (real && find_version(real, version)) {
		rc = ask(socket, version, &is_there, err);
		json_array_foreach(pools, i, pool)
			if (rc == 0)
				rc = add(pool, real, version, is_there, err);
	}
	free(real);
	return rc;
}
