/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing memory, sockets and groups with the spec on the disk. */
#include "daemon/supervisor/pool_check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/listener.h"
#include "sandbox/quota.h"
#include "schema/errors.h"
#include "schema/events.h"

static int check_spec(const struct pool *p, const struct tenant_spec *spec, struct err *err)
{
	if (p->spec.revision == spec->revision && p->spec.pool_key == spec->pool_key &&
	    p->spec.is_suspended == spec->is_suspended)
		return 0;
	return err_set(err, ERR_FAILED, "the supervisor goes by another spec than the disk has");
}

/* Rights of php.sock and of its folder: nginx passes, nobody else. */
static int check_rights(const struct place *p, uint32_t number, struct err *err)
{
	const struct { const char *name; mode_t mode; } paths[] = {
		{ "", S_IFDIR | 0750 }, { "/php.sock", S_IFSOCK | 0660 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char path[32];
		struct stat st;

		(void)str_format(path, sizeof(path), "%u%s", number, paths[i].name);	/* fits */
		if (fstatat(p->pool_dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, "look at 'pool/%s'", path);
		if (st.st_mode != paths[i].mode || st.st_uid != 0 ||
		    st.st_gid != (gid_t)p->settings.web_gid)
			return err_set(err, ERR_FAILED, "'pool/%s' has other rights than root, the "
				       "web group and %04o", path, paths[i].mode & 07777);
	}
	return 0;
}

static int check_listener(const struct pool *p, struct err *err)
{
	const struct place *place = p->pools->place;

	/* Suspended or in back-off there is none, and shall be none. */
	if (p->spec.is_suspended || p->state == POOL_BACKOFF) {
		char path[32];

		(void)str_format(path, sizeof(path), "%u/php.sock", p->number);	/* fits */
		if (p->listener < 0 && faccessat(place->pool_dir, path, F_OK,
						 AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		return err_set(err, ERR_FAILED, "there is a socket although nobody may come");
	}
	if (p->listener < 0)
		return err_set(err, ERR_FAILED, "there is no listener");
	if (listener_verify(place, p->number, p->listener, listener_inode(p->listener), err) < 0) {
		if (err->code == ERR_FAILED || err->sys == ENOENT)
			return -1;
		*err = (struct err){ 0 };	/* a kernel without the diagnosis of sockets */
	}
	return check_rights(place, p->number, err);
}

/* A limit of the spec and what the kernel has; it counts memory in pages. */
static int check_limit(const char *name, uint64_t want, uint64_t is, uint64_t grain,
		       struct err *err)
{
	if (want / grain == is / grain)
		return 0;
	return err_set(err, ERR_FAILED, "%s is %llu in the kernel, not %llu", name,
		       (unsigned long long)is, (unsigned long long)want);
}

static int check_limits(const struct pool *p, struct err *err)
{
	const struct spec_limits *l = &p->spec.limits;
	const struct place *place = p->pools->place;
	struct cgroup_facts facts;
	struct quota_facts quota;

	if (cgroup_read(&place->tree, p->number, &facts, err) < 0)
		return -1;
	if (check_limit("memory_max", l->memory_max, facts.memory_max,
			(uint64_t)sysconf(_SC_PAGESIZE), err) < 0 ||
	    check_limit("pids_max", l->pids_max, facts.pids_max, 1, err) < 0)
		return -1;
	if (check_limit("cpu_quota", l->cpu_quota, facts.cpu_quota, 1, err) < 0)
		return -1;
	if (quota_missing(place->homes))
		return 0;
	if (place_quota(place, p->number, &quota, err) < 0 ||
	    check_limit("disk_max", l->disk_max, quota.bytes_max, 1024, err) < 0)
		return -1;
	return check_limit("inodes_max", l->inodes_max, quota.inodes_max, 1, err);
}

void pool_check(const struct pools *ps, uint32_t number, pool_check_report *report, void *owner)
{
	const struct pool *p = pools_find(ps, number);
	struct err spec_err = { 0 }, listener_err = { 0 }, limits_err = { 0 };
	struct tenant_spec spec;

	if (tenant_spec_read(ps->place, number, &spec, NULL, &spec_err) == 0) {
		if (!p || p->is_gone)
			(void)err_set(&spec_err, ERR_FAILED, "the supervisor does not know it");
		else
			(void)check_spec(p, &spec, &spec_err);
	}
	report(owner, "supervisor", &spec_err);
	if (!p || p->is_gone)
		return;
	(void)check_listener(p, &listener_err);
	report(owner, "listener", &listener_err);
	(void)check_limits(p, &limits_err);
	report(owner, "limits", &limits_err);
}

void pool_mend(struct pool *p)
{
	struct err err = { 0 };

	if (p->listener < 0 || check_listener(p, &err) == 0)
		return;
	log_event(DAEMON_ERROR, "tenant=%u site=%s error='listener: %s; bound anew'", p->number,
		  p->spec.site, err.text);
	pool_listen_anew(p);
}
