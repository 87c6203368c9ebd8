/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of schema/doctor.def, and the checks of what runs beside us. */
#include "daemon/control/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/control/doctor_inside.h"
#include "daemon/control/envelope.h"
#include "daemon/control/read.h"
#include "daemon/control/view.h"
#include "schema/states.h"
#include "tenants/php_versions.h"

#define NGINX_OLDEST 1022		/* 1.22 */

static const char *const result_words[DOCTOR_RESULTS] = { "OK", "FAILED", "SKIPPED" };

enum doctor_result doctor_no_facts(const struct doctor *d, struct text *found)
{
	text_add(found, "only tenantd could tell: %s", d->away.text);
	return DOCTOR_SKIPPED;
}

enum doctor_result doctor_check_supervisor(const struct doctor *d, struct text *found)
{
	text_add(found, "%s", d->has_facts ? "it answers" : d->away.text);
	return d->has_facts ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_nginx_version(const struct doctor *d, struct text *found)
{
	return doctor_nginx_version(d->set->nginx_program, found) >= NGINX_OLDEST ?
	       DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_nginx_include(const struct doctor *d, struct text *found)
{
	bool is_there = read_is_nginx_there(d->set->run_dir);

	/* The first site brings the file that nginx answers by. */
	if (!is_there && d->has_facts && d->facts.tenants == 0) {
		text_add(found, "there is no site yet, so nothing to include");
		return DOCTOR_SKIPPED;
	}
	text_add(found, "%s", is_there ? "nginx answers with our revision" :
		 "nginx does not run, or has not loaded it");
	return is_there ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_nginx_default(const struct doctor *d, struct text *found)
{
	struct text ours = { 0 };
	unsigned unread = 0;

	text_add(&ours, "%s/nginx/", d->set->state_dir);
	doctor_nginx_default(d->set->nginx_conf, ours.data ? ours.data : "/",
			     d->set->nginx_listen, found, &unread);
	text_free(&ours);
	if (found->size)
		return DOCTOR_FAILED;
	if (unread)
		text_add(found, "%u files of nginx could not be read", unread);
	else
		text_add(found, "none");
	return unread ? DOCTOR_SKIPPED : DOCTOR_OK;
}

enum doctor_result doctor_check_php(const struct doctor *d, struct text *found)
{
	struct php_use *use = NULL;
	struct err err = { 0 };
	size_t count = 0;
	enum doctor_result result = DOCTOR_OK;

	if (view_php_uses(d->store, d->set, &use, &count, &err) < 0) {
		text_add(found, "%s", err.text);
		return DOCTOR_FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		struct text lacks = { 0 };

		php_version_lacks(d->set, use[i].version, &lacks);
		text_add(found, "%s%s (%llu sites): %s", i ? "; " : "", use[i].version,
			 (unsigned long long)use[i].sites, lacks.data ? lacks.data : "ready");
		if (lacks.size)
			result = DOCTOR_FAILED;
		text_free(&lacks);
	}
	free(use);
	return result;
}

enum doctor_result doctor_check_firewall(const struct doctor *d, struct text *found)
{
	/* Where each shows that it is active, not only installed. */
	static const struct { const char *name, *path; } others[] = {
		{ "firewalld", "/run/firewalld" },
		{ "ufw", "/run/ufw.lock" },
		{ "shorewall", "/var/lib/shorewall/state" },
		{ "docker", "/run/docker.sock" },
	};

	if (d->has_facts && d->facts.network_lost[0])
		text_add(found, "since tenantd started: %s", d->facts.network_lost);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (access(others[i].path, F_OK) == 0)
			text_add(found, "%s%s (%s)", found->size ? ", " : "", others[i].name,
				 others[i].path);
	if (found->size)
		return DOCTOR_FAILED;
	text_add(found, "none of those that are known");
	return DOCTOR_OK;
}

enum doctor_result doctor_check_network(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	text_add(found, "%s", link_state_word((int)d->facts.network));
	if (d->facts.network_reason[0])
		text_add(found, ": %s", d->facts.network_reason);
	return d->facts.network == LINK_UP ? DOCTOR_OK :
	       d->facts.network == LINK_MISSING ? DOCTOR_FAILED : DOCTOR_SKIPPED;
}

enum doctor_result doctor_check_network_others(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	if (d->facts.network != LINK_UP) {
		text_add(found, "there are no links");
		return DOCTOR_SKIPPED;
	}
	text_add(found, "%s", d->facts.network_note[0] ? d->facts.network_note : "none does");
	return d->facts.network_note[0] ? DOCTOR_FAILED : DOCTOR_OK;
}

enum doctor_result doctor_check_resolver(const struct doctor *d, struct text *found)
{
	if (!d->set->net_enabled) {
		text_add(found, "there are no links");
		return DOCTOR_SKIPPED;
	}
	return doctor_resolver(d->set, found) ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_mailer(const struct doctor *d, struct text *found)
{
	struct err err = { 0 };
	int rc = doctor_mailer(d->set, d->store, found, &err);

	if (err.code)
		text_add(found, "%s", err.text);
	return rc < 0 ? DOCTOR_FAILED : rc == 0 ? DOCTOR_SKIPPED : DOCTOR_OK;
}

static const struct {
	const char *id, *checked, *advice;
	doctor_check *check;
} checks[] = {
#define DOCTOR(name, id, checked, advice) { id, checked, advice, doctor_check_##name },
#include "schema/doctor.def"
#undef DOCTOR
};

static json_t *row(const struct doctor *d, size_t i, unsigned counts[DOCTOR_RESULTS])
{
	struct text found = { 0 };
	enum doctor_result result = checks[i].check(d, &found);

	counts[result]++;
	json_t *json = json_pack("{s:s,s:s,s:s,s:o,s:s}", "id", checks[i].id, "result",
				 result_words[result], "checked", checks[i].checked, "found",
				 envelope_text(found.data ? found.data : ""), "advice",
				 result == DOCTOR_OK ? "" : checks[i].advice);
	text_free(&found);
	return json;
}

json_t *doctor_run(const struct settings *set, struct store *s, struct live *live)
{
	struct doctor d = { .set = set, .store = s };
	unsigned counts[DOCTOR_RESULTS] = { 0 };
	json_t *rows = json_array();

	d.has_facts = live_machine(live, &d.facts, &d.away) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		(void)json_array_append_new(rows, row(&d, i, counts));
	return json_pack("{s:o,s:i,s:i,s:i}", "checks", rows, "ok", (int)counts[DOCTOR_OK],
			 "failed", (int)counts[DOCTOR_FAILED], "skipped",
			 (int)counts[DOCTOR_SKIPPED]);
}
