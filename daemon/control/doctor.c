/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of schema/doctor.def and their runner. */
#include "daemon/control/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/control/envelope.h"
#include "daemon/control/read.h"
#include "daemon/control/view.h"
#include "schema/states.h"
#include "tenants/php_versions.h"

#define KERNEL_OLDEST 6001		/* 6.1 */
#define NGINX_OLDEST 1022		/* 1.22 */
#define FILES_PER_TENANT 6		/* listener, process, report, log, two of a start */
#define FILES_OWN 64
#define ROOM_MIN (256 * UINT64_C(1024) * 1024)
#define ROOM_PART 20			/* a twentieth */
#define NAMES_MAX 4096			/* an entry of passwd or group */

enum result { OK, FAILED, SKIPPED, RESULTS };

static const char *const result_words[RESULTS] = { "OK", "FAILED", "SKIPPED" };

/* What all checks look at.  Without facts of the supervisor AWAY says why. */
struct doctor {
	const struct settings *set;
	struct store *store;
	bool has_facts;
	struct wire_machine facts;
	struct err away;
};

static enum result no_facts(const struct doctor *d, struct text *found)
{
	text_add(found, "only tenantd could tell: %s", d->away.text);
	return SKIPPED;
}

static enum result check_supervisor(const struct doctor *d, struct text *found)
{
	text_add(found, "%s", d->has_facts ? "it answers" : d->away.text);
	return d->has_facts ? OK : FAILED;
}

static enum result check_kernel(const struct doctor *d, struct text *found)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	(void)d;
	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
		text_add(found, "the kernel does not tell its version");
		return FAILED;
	}
	text_add(found, "%s", name.release);
	return major * 1000 + minor >= KERNEL_OLDEST ? OK : FAILED;
}

static enum result check_cgroup_version(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	text_add(found, "%s, %s", d->facts.is_unified ? "pure v2" : "v1 controllers",
		 d->facts.has_kill ? "with cgroup.kill" : "no v2 tree with cgroup.kill");
	return d->facts.is_unified && !d->facts.has_kill ? FAILED : OK;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static enum result check_controllers(const struct doctor *d, struct text *found)
{
	static const char *const needed[] = { "memory", "pids", "cpu" };

	if (!d->has_facts)
		return no_facts(d, found);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!has_word(d->facts.controllers, needed[i]))
			text_add(found, "%s is missing; ", needed[i]);
	enum result result = found->size ? FAILED : OK;

	text_add(found, "there are: %s", d->facts.controllers);
	return result;
}

static enum result check_landlock(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	text_add(found, "ABI %d%s", d->facts.landlock_abi, d->facts.landlock_abi <= 0 ? "" :
		 d->facts.landlock_abi < 6 ? " (6 also holds signals)" : "");
	return d->facts.landlock_abi > 0 ? OK : FAILED;
}

static enum result check_seccomp(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	text_add(found, "%s", d->facts.seccomp == 0 ? "it does" : strerror(d->facts.seccomp));
	return d->facts.seccomp == 0 ? OK : FAILED;
}

static enum result check_quota(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	if (d->facts.project_quota == 0) {
		text_add(found, "on, for '%s'", d->set->home_dir);
		return OK;
	}
	text_add(found, "off for '%s' (%s): disk_max and inodes_max are not enforced on this "
		 "machine, a site may fill its file system", d->set->home_dir,
		 strerror(d->facts.project_quota));
	return SKIPPED;
}

static enum result check_io(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	if (d->facts.io_max)
		text_add(found, "io_max is not enforced on this machine (%s)",
			 strerror(d->facts.io_max));
	if (d->facts.io_weight)
		text_add(found, "%sio_weight is not enforced on this machine (%s)",
			 found->size ? ", " : "", strerror(d->facts.io_weight));
	if (!found->size)
		text_add(found, "io_max and io_weight are enforced");
	return d->facts.io_max || d->facts.io_weight ? SKIPPED : OK;
}

static enum result check_nginx_version(const struct doctor *d, struct text *found)
{
	return doctor_nginx_version(d->set->nginx_program, found) >= NGINX_OLDEST ? OK : FAILED;
}

static enum result check_nginx_include(const struct doctor *d, struct text *found)
{
	bool is_there = read_is_nginx_there(d->set->run_dir);

	/* The first site brings the file that nginx answers by. */
	if (!is_there && d->has_facts && d->facts.tenants == 0) {
		text_add(found, "there is no site yet, so nothing to include");
		return SKIPPED;
	}
	text_add(found, "%s", is_there ? "nginx answers with our revision" :
		 "nginx does not run, or has not loaded it");
	return is_there ? OK : FAILED;
}

static enum result check_nginx_default(const struct doctor *d, struct text *found)
{
	struct text ours = { 0 };
	unsigned unread = 0;

	text_add(&ours, "%s/nginx/", d->set->state_dir);
	doctor_nginx_default(d->set->nginx_conf, ours.data ? ours.data : "/",
			     d->set->nginx_listen, found, &unread);
	text_free(&ours);
	if (found->size)
		return FAILED;
	if (unread)
		text_add(found, "%u files of nginx could not be read", unread);
	else
		text_add(found, "none");
	return unread ? SKIPPED : OK;
}

static enum result check_php(const struct doctor *d, struct text *found)
{
	struct php_use *use = NULL;
	struct err err = { 0 };
	size_t count = 0;
	enum result result = OK;

	if (view_php_uses(d->store, d->set, &use, &count, &err) < 0) {
		text_add(found, "%s", err.text);
		return FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		struct text lacks = { 0 };

		php_version_lacks(d->set, use[i].version, &lacks);
		text_add(found, "%s%s (%llu sites): %s", i ? "; " : "", use[i].version,
			 (unsigned long long)use[i].sites, lacks.data ? lacks.data : "ready");
		if (lacks.size)
			result = FAILED;
		text_free(&lacks);
	}
	free(use);
	return result;
}

static enum result check_files(const struct doctor *d, struct text *found)
{
	uint64_t need = d->set->tenants_max * FILES_PER_TENANT + FILES_OWN;

	if (!d->has_facts)
		return no_facts(d, found);
	text_add(found, "%llu; %llu sites at the same time may need %llu",
		 (unsigned long long)d->facts.files_max, (unsigned long long)d->set->tenants_max,
		 (unsigned long long)need);
	return d->facts.files_max >= need ? OK : FAILED;
}

/* A number of tenantd.conf that no account stands for works all the same. */
static enum result add_name(struct text *found, const char *key, uint64_t id, const char *name)
{
	text_add(found, "%s%s = %s", found->size ? ", " : "", key, name ? name : "");
	if (!name)
		text_add(found, "%llu without a name", (unsigned long long)id);
	return name ? OK : SKIPPED;
}

/* Every account that the table of settings has. */
static enum result check_accounts(const struct doctor *d, enum setting_type type,
				  struct text *found)
{
	enum result all = OK;

	for (int i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		const char *name = NULL;
		char room[NAMES_MAX];
		uint64_t id = 0;

		if (row->type != type)
			continue;
		memcpy(&id, (const char *)d->set + row->offset, sizeof(id));
		if (type == SETTING_USER) {
			struct passwd entry, *at = NULL;

			(void)getpwuid_r((uid_t)id, &entry, room, sizeof(room), &at);
			name = at ? at->pw_name : NULL;
		} else {
			struct group entry, *at = NULL;

			(void)getgrgid_r((gid_t)id, &entry, room, sizeof(room), &at);
			name = at ? at->gr_name : NULL;
		}
		if (add_name(found, row->key, id, name) != OK)
			all = SKIPPED;
	}
	return all;
}

static enum result check_users(const struct doctor *d, struct text *found)
{
	return check_accounts(d, SETTING_USER, found);
}

static enum result check_groups(const struct doctor *d, struct text *found)
{
	return check_accounts(d, SETTING_GROUP, found);
}

static enum result check_room(const char *path, struct text *found)
{
	struct statvfs fs;

	text_add(found, "%s%s: ", found->size ? "; " : "", path);
	if (statvfs(path, &fs) < 0) {
		text_add(found, "%s", strerror(errno));
		return SKIPPED;
	}
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	bool is_low = room < ROOM_MIN || fs.f_bavail < fs.f_blocks / ROOM_PART;
	bool is_full = fs.f_files > 0 && fs.f_favail < fs.f_files / ROOM_PART;

	text_add(found, "%llu MiB free%s", (unsigned long long)(room >> 20),
		 is_full ? ", few inodes" : "");
	return is_low || is_full ? FAILED : OK;
}

static enum result check_disk(const struct doctor *d, struct text *found)
{
	const char *const paths[] = { d->set->home_dir, d->set->state_dir, d->set->log_dir };
	enum result all = OK;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		enum result one = check_room(paths[i], found);

		if (one == FAILED || all == OK)
			all = one;
	}
	return all;
}

static enum result check_firewall(const struct doctor *d, struct text *found)
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
		return FAILED;
	text_add(found, "none of those that are known");
	return OK;
}

static enum result check_network(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	text_add(found, "%s", link_state_word((int)d->facts.network));
	if (d->facts.network_reason[0])
		text_add(found, ": %s", d->facts.network_reason);
	return d->facts.network == LINK_UP ? OK :
	       d->facts.network == LINK_MISSING ? FAILED : SKIPPED;
}

static enum result check_network_others(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return no_facts(d, found);
	if (d->facts.network != LINK_UP) {
		text_add(found, "there are no links");
		return SKIPPED;
	}
	text_add(found, "%s", d->facts.network_note[0] ? d->facts.network_note : "none does");
	return d->facts.network_note[0] ? FAILED : OK;
}

static enum result check_resolver(const struct doctor *d, struct text *found)
{
	if (!d->set->net_enabled) {
		text_add(found, "there are no links");
		return SKIPPED;
	}
	return doctor_resolver(d->set, found) ? OK : FAILED;
}

static enum result check_mailer(const struct doctor *d, struct text *found)
{
	struct err err = { 0 };
	int rc = doctor_mailer(d->set, d->store, found, &err);

	if (err.code)
		text_add(found, "%s", err.text);
	return rc < 0 ? FAILED : rc == 0 ? SKIPPED : OK;
}

static const struct {
	const char *id, *checked, *advice;
	enum result (*check)(const struct doctor *d, struct text *found);
} checks[] = {
#define DOCTOR_SUPERVISOR check_supervisor
#define DOCTOR_KERNEL check_kernel
#define DOCTOR_CGROUP_VERSION check_cgroup_version
#define DOCTOR_CGROUP_CONTROLLERS check_controllers
#define DOCTOR_LANDLOCK check_landlock
#define DOCTOR_SECCOMP check_seccomp
#define DOCTOR_QUOTA check_quota
#define DOCTOR_IO check_io
#define DOCTOR_NGINX_VERSION check_nginx_version
#define DOCTOR_NGINX_INCLUDE check_nginx_include
#define DOCTOR_NGINX_DEFAULT check_nginx_default
#define DOCTOR_PHP check_php
#define DOCTOR_FILES check_files
#define DOCTOR_USERS check_users
#define DOCTOR_GROUPS check_groups
#define DOCTOR_DISK check_disk
#define DOCTOR_NETWORK check_network
#define DOCTOR_NETWORK_OTHERS check_network_others
#define DOCTOR_RESOLVER check_resolver
#define DOCTOR_FIREWALL check_firewall
#define DOCTOR_MAILER check_mailer
#define DOCTOR(name, id, checked, advice) { id, checked, advice, DOCTOR_##name },
#include "schema/doctor.def"
#undef DOCTOR
};

static json_t *row(const struct doctor *d, size_t i, unsigned counts[RESULTS])
{
	struct text found = { 0 };
	enum result result = checks[i].check(d, &found);

	counts[result]++;
	json_t *json = json_pack("{s:s,s:s,s:s,s:o,s:s}", "id", checks[i].id, "result",
				 result_words[result], "checked", checks[i].checked, "found",
				 envelope_text(found.data ? found.data : ""), "advice",
				 result == OK ? "" : checks[i].advice);
	text_free(&found);
	return json;
}

json_t *doctor_run(const struct settings *set, struct store *s, struct live *live)
{
	struct doctor d = { .set = set, .store = s };
	unsigned counts[RESULTS] = { 0 };
	json_t *rows = json_array();

	d.has_facts = live_machine(live, &d.facts, &d.away) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		(void)json_array_append_new(rows, row(&d, i, counts));
	return json_pack("{s:o,s:i,s:i,s:i}", "checks", rows, "ok", (int)counts[OK], "failed",
			 (int)counts[FAILED], "skipped", (int)counts[SKIPPED]);
}
