/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of what is recorded of a tenant. */
#include "daemon/control/view.h"

#include <string.h>

#include "base/str.h"
#include "daemon/control/envelope.h"
#include "daemon/control/view_parts.h"
#include "schema/errors.h"
#include "tenants/php_versions.h"

static json_t *path(const char *dir, const char *below)
{
	struct text t = { 0 };
	json_t *json = NULL;

	text_add(&t, "%s/%s", dir, below);
	json = t.failed ? NULL : envelope_text(t.data);
	text_free(&t);
	return json;
}

/* For option_each(). */
static int put_option(void *json, const char *name, const char *value)
{
	return json_object_set_new(json, name, json_string(value));
}

static int put_name(void *json, const char *name, const char *value)
{
	(void)value;
	return json_array_append_new(json, json_string(name));
}

json_t *view_options(const struct options *o)
{
	json_t *json = json_object();

	for (int i = 0; i < OPTION_IDS; i++) {
		char value[OPTION_FORMAT_MAX];

		options_format(o, &option_rows[i], value);
		(void)option_each(&option_rows[i], value, put_option, json);
	}
	return json;
}

json_t *view_option_names(const struct overrides *o)
{
	json_t *json = json_array();

	for (int i = 0; i < OPTION_IDS; i++)
		if (o->of[i].is_set)
			(void)option_each(&option_rows[i], o->of[i].text, put_name, json);
	return json;
}

static json_t *aliases(const struct tenant *t)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i < t->alias_count; i++)
		(void)json_array_append_new(json, json_string(t->alias[i]));
	return json;
}

/* Where a browser finds the site: the port of nginx's first address ("80",
 * "127.0.0.1:8080", "[::]:8080 ..."). */
static json_t *url(const struct settings *set, const struct tenant *t)
{
	char first[SETTING_TEXT_MAX];
	uint64_t port = 0;

	(void)str_format(first, sizeof(first), "%.*s", (int)strcspn(set->nginx_listen, ", "),
			 set->nginx_listen);
	const char *colon = strrchr(first, ':');

	if (str_number(colon ? colon + 1 : first, UINT16_MAX, &port) < 0 || port == 80)
		return json_sprintf("http://%s/", t->site);
	return json_sprintf("http://%s:%u/", t->site, (unsigned)port);
}

static void put_places(json_t *json, const struct settings *set, const struct tenant *t,
		       const struct options *o)
{
	char root[SITE_MAX + OPTION_TEXT_MAX];
	char jail[32], socket[32], vhost[48];

	(void)str_format(root, sizeof(root), "%s/%s", t->site, o->document_root);
	(void)str_format(jail, sizeof(jail), "spec/%u", t->number);
	(void)str_format(socket, sizeof(socket), "pool/%u/php.sock", t->number);
	(void)str_format(vhost, sizeof(vhost), "nginx/sites/%u.conf", t->number);
	(void)json_object_set_new(json, "home", path(set->home_dir, t->site));
	(void)json_object_set_new(json, "document_root", path(set->home_dir, root));
	(void)json_object_set_new(json, "jail", path(set->state_dir, jail));
	(void)json_object_set_new(json, "socket", path(set->run_dir, socket));
	(void)json_object_set_new(json, "vhost", path(set->state_dir, vhost));
	(void)json_object_set_new(json, "logs", path(set->log_dir, t->site));
	(void)json_object_set_new(json, "url", url(set, t));
}

json_t *view_tenant(struct store *s, const struct settings *set, const struct tenant *t,
		    struct err *err)
{
	struct overrides plan = { 0 };
	struct options o;
	uint64_t uid = set->uid_base + t->number;

	if (store_plan(s, t->plan, &plan, err) < 0 ||
	    overrides_resolve(&plan, &t->overrides, &o, err) < 0) {
		(void)err_wrap(err, "site '%s'", t->site);
		return NULL;
	}
	json_t *json = json_pack("{s:I,s:s,s:o,s:o,s:s,s:o,s:o,s:I,s:I}", "number",
				 (json_int_t)t->number, "site", t->site, "site_unicode",
				 view_unicode(t->site), "aliases", aliases(t), "state",
				 tenant_state_word(t->state), "class", view_reason_class(t),
				 "reason", view_reason(t), "uid", (json_int_t)uid, "gid",
				 (json_int_t)uid);

	put_places(json, set, t, &o);
	(void)json_object_update_new(
		json, json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:o,s:o}", "plan", t->plan, "php",
				php_version_of(set, &o), "options", view_options(&o), "overrides",
				view_option_names(&t->overrides), "not_enforced",
				view_not_enforced(set->run_dir), "revision",
				(json_int_t)t->revision, "created_at", view_time(t->created_at),
				"changed_at", view_time(t->changed_at)));
	if (!json)
		(void)err_set(err, ERR_SYSTEM, "no memory for the reply");
	return json;
}
