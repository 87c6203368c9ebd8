/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of PHP: which there are, and how many sites want each. */
#include <stdlib.h>
#include <string.h>

#include "daemon/control/envelope.h"
#include "daemon/control/view.h"
#include "schema/errors.h"
#include "tenants/php_versions.h"

struct uses {
	struct store *store;
	const struct settings *settings;
	struct php_use *rows;
	size_t count;
	struct err *err;
};

static struct php_use *use_of(struct uses *u, const char *version)
{
	for (size_t i = 0; i < u->count; i++)
		if (strcmp(u->rows[i].version, version) == 0)
			return &u->rows[i];
	struct php_use *more = realloc(u->rows, (u->count + 1) * sizeof(*more));

	if (!more) {
		(void)err_set(u->err, ERR_SYSTEM, "no memory for the versions of PHP");
		return NULL;
	}
	u->rows = more;
	u->rows[u->count] = (struct php_use){ 0 };
	(void)str_copy(u->rows[u->count].version, sizeof(more->version), version);
	return &u->rows[u->count++];
}

/* Sites of one plan whose own value is VALUE, or that have none. */
static int add_sites(const char *plan, const char *value, uint64_t sites, void *ctx)
{
	static const struct overrides none;
	struct uses *u = ctx;
	struct overrides set;
	struct options o;

	options_default(&o);
	if (*value)
		(void)str_copy(o.php, sizeof(o.php), value);
	else if (store_plan(u->store, plan, &set, u->err) < 0 ||
		 overrides_resolve(&set, &none, &o, u->err) < 0)
		return -1;
	struct php_use *use = use_of(u, php_version_of(u->settings, &o));

	if (!use)
		return -1;
	use->sites += sites;
	return 0;
}

int view_php_uses(struct store *s, const struct settings *set, struct php_use **out,
		  size_t *out_count, struct err *err)
{
	struct uses u = { .store = s, .settings = set, .err = err };
	struct php_versions there = { 0 };
	struct err unread = { 0 };	/* then all are missing */
	bool is_fit = use_of(&u, set->php) != NULL;

	(void)php_versions_read(set, &there, &unread);
	for (size_t i = 0; is_fit && i < there.count; i++)
		is_fit = use_of(&u, there.name[i]) != NULL;
	if (!is_fit || store_each_value(s, option_rows[OPT_php].name, add_sites, &u, err) < 0) {
		free(u.rows);
		return -1;
	}
	*out = u.rows;
	*out_count = u.count;
	return 0;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(((const struct php_use *)a)->version,
			  ((const struct php_use *)b)->version);
}

json_t *view_php(struct store *s, const struct settings *set, struct err *err)
{
	json_t *rows = json_array();
	struct php_use *use = NULL;
	size_t count = 0;

	if (view_php_uses(s, set, &use, &count, err) < 0) {
		json_decref(rows);
		return NULL;
	}
	qsort(use, count, sizeof(*use), by_version);
	for (size_t i = 0; i < count; i++) {
		struct text lacks = { 0 };

		php_version_lacks(set, use[i].version, &lacks);
		(void)json_array_append_new(
			rows, json_pack("{s:s,s:b,s:s,s:I,s:o}", "version", use[i].version,
					"is_default", strcmp(use[i].version, set->php) == 0,
					"state", lacks.size ? "missing" : "ready", "sites",
					(json_int_t)use[i].sites, "reason",
					envelope_text(lacks.data ? lacks.data : "")));
		text_free(&lacks);
	}
	free(use);
	return json_pack("{s:o}", "versions", rows);
}
