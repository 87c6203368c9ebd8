/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the machine: its kernel, limits, accounts and disks. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "daemon/control/doctor_inside.h"

#define KERNEL_OLDEST 6001		/* 6.1 */
#define FILES_PER_TENANT 9		/* of tenant-log, which has most: four logs, visits */
#define FILES_OWN 64
#define ROOM_MIN (256 * UINT64_C(1024) * 1024)
#define ROOM_PART 20			/* a twentieth */
#define NAMES_MAX 4096			/* an entry of passwd or group */

enum doctor_result doctor_check_kernel(const struct doctor *d, struct text *found)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	(void)d;
	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
		text_add(found, "the kernel does not tell its version");
		return DOCTOR_FAILED;
	}
	text_add(found, "%s", name.release);
	return major * 1000 + minor >= KERNEL_OLDEST ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_cgroup_version(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	text_add(found, "%s, %s", d->facts.is_unified ? "pure v2" : "v1 controllers",
		 d->facts.has_kill ? "with cgroup.kill" : "no v2 tree with cgroup.kill");
	return d->facts.is_unified && !d->facts.has_kill ? DOCTOR_FAILED : DOCTOR_OK;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

enum doctor_result doctor_check_cgroup_controllers(const struct doctor *d, struct text *found)
{
	static const char *const needed[] = { "memory", "pids", "cpu" };

	if (!d->has_facts)
		return doctor_no_facts(d, found);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!has_word(d->facts.controllers, needed[i]))
			text_add(found, "%s is missing; ", needed[i]);
	enum doctor_result result = found->size ? DOCTOR_FAILED : DOCTOR_OK;

	text_add(found, "there are: %s", d->facts.controllers);
	return result;
}

enum doctor_result doctor_check_landlock(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	text_add(found, "ABI %d%s", d->facts.landlock_abi, d->facts.landlock_abi <= 0 ? "" :
		 d->facts.landlock_abi < 6 ? " (6 also holds signals)" : "");
	return d->facts.landlock_abi > 0 ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_seccomp(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	text_add(found, "%s", d->facts.seccomp == 0 ? "it does" : strerror(d->facts.seccomp));
	return d->facts.seccomp == 0 ? DOCTOR_OK : DOCTOR_FAILED;
}

enum doctor_result doctor_check_quota(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	if (d->facts.project_quota == 0) {
		text_add(found, "on, for '%s'", d->set->home_dir);
		return DOCTOR_OK;
	}
	text_add(found, "off for '%s' (%s): disk_max and inodes_max are not enforced on this "
		 "machine, a site may fill its file system", d->set->home_dir,
		 strerror(d->facts.project_quota));
	return DOCTOR_SKIPPED;
}

enum doctor_result doctor_check_io(const struct doctor *d, struct text *found)
{
	if (!d->has_facts)
		return doctor_no_facts(d, found);
	if (d->facts.io_max)
		text_add(found, "io_max is not enforced on this machine (%s)",
			 strerror(d->facts.io_max));
	if (d->facts.io_weight)
		text_add(found, "%sio_weight is not enforced on this machine (%s)",
			 found->size ? ", " : "", strerror(d->facts.io_weight));
	if (!found->size)
		text_add(found, "io_max and io_weight are enforced");
	return d->facts.io_max || d->facts.io_weight ? DOCTOR_SKIPPED : DOCTOR_OK;
}

enum doctor_result doctor_check_files(const struct doctor *d, struct text *found)
{
	uint64_t need = d->set->tenants_max * FILES_PER_TENANT + FILES_OWN;

	if (!d->has_facts)
		return doctor_no_facts(d, found);
	text_add(found, "%llu; %llu sites at the same time may need %llu",
		 (unsigned long long)d->facts.files_max, (unsigned long long)d->set->tenants_max,
		 (unsigned long long)need);
	return d->facts.files_max >= need ? DOCTOR_OK : DOCTOR_FAILED;
}

/* A number of tenantd.conf that no account stands for works all the same. */
static enum doctor_result add_name(struct text *found, const char *key, uint64_t id,
				   const char *name)
{
	text_add(found, "%s%s = %s", found->size ? ", " : "", key, name ? name : "");
	if (!name)
		text_add(found, "%llu without a name", (unsigned long long)id);
	return name ? DOCTOR_OK : DOCTOR_SKIPPED;
}

/* Every account that the table of settings has. */
static enum doctor_result check_accounts(const struct doctor *d, enum setting_type type,
				  struct text *found)
{
	enum doctor_result all = DOCTOR_OK;

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
		if (add_name(found, row->key, id, name) != DOCTOR_OK)
			all = DOCTOR_SKIPPED;
	}
	return all;
}

enum doctor_result doctor_check_users(const struct doctor *d, struct text *found)
{
	return check_accounts(d, SETTING_USER, found);
}

enum doctor_result doctor_check_groups(const struct doctor *d, struct text *found)
{
	return check_accounts(d, SETTING_GROUP, found);
}

static enum doctor_result check_room(const char *path, struct text *found)
{
	struct statvfs fs;

	text_add(found, "%s%s: ", found->size ? "; " : "", path);
	if (statvfs(path, &fs) < 0) {
		text_add(found, "%s", strerror(errno));
		return DOCTOR_SKIPPED;
	}
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	bool is_low = room < ROOM_MIN || fs.f_bavail < fs.f_blocks / ROOM_PART;
	bool is_full = fs.f_files > 0 && fs.f_favail < fs.f_files / ROOM_PART;

	text_add(found, "%llu MiB free%s", (unsigned long long)(room >> 20),
		 is_full ? ", few inodes" : "");
	return is_low || is_full ? DOCTOR_FAILED : DOCTOR_OK;
}

enum doctor_result doctor_check_disk(const struct doctor *d, struct text *found)
{
	const char *const paths[] = { d->set->home_dir, d->set->state_dir, d->set->log_dir };
	enum doctor_result all = DOCTOR_OK;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		enum doctor_result one = check_room(paths[i], found);

		if (one == DOCTOR_FAILED || all == DOCTOR_OK)
			all = one;
	}
	return all;
}
