/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the folders; binding sockets in them. */
#include "daemon/supervisor/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "build_config.h"
#include "sandbox/machine.h"
#include "sandbox/quota.h"

const char *place_libexec(const struct place *p)
{
	if (p->libexec)
		return p->libexec;
	/* The first run of tenant-build is before there are settings. */
	return p->settings.libexec_dir[0] ? p->settings.libexec_dir : LIBEXECDIR;
}

static int open_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, "open folder '%s'", path) : fd;
}

int place_open(struct place *p, struct err *err)
{
	char spec[SETTING_TEXT_MAX + 8];

	if (str_format(spec, sizeof(spec), "%s/spec", p->settings.state_dir) < 0)
		return err_set(err, ERR_SYSTEM, "state_dir is too long");
	p->run_dir = open_dir(p->settings.run_dir, err);
	p->spec_dir = p->run_dir < 0 ? -1 : open_dir(spec, err);
	p->log_dir = p->spec_dir < 0 ? -1 : open_dir(p->settings.log_dir, err);
	p->homes = p->log_dir < 0 ? -1 : open_dir(p->settings.home_dir, err);
	if (p->homes < 0)
		return -1;
	/* nginx passes through, nobody lists. */
	p->pool_dir = file_make_dir(p->run_dir, "pool", 0711, 0, 0, err);
	if (p->pool_dir < 0)
		return err_wrap(err, "in '%s'", p->settings.run_dir);
	if (cgroup_tree_load(p->settings.run_dir, &p->tree, err) < 0)
		return err_wrap(err, "the cgroup tree (is tenant-tree running?)");
	machine_disk(p->homes, &p->tree.io_major, &p->tree.io_minor);
	return 0;
}

static uint32_t project(const struct place *p, uint32_t number)
{
	return (uint32_t)p->settings.uid_base + number;
}

int place_set_limits(const struct place *p, uint32_t number, const struct spec_limits *limits,
		     struct err *err)
{
	if (cgroup_set_limits(&p->tree, number, limits, err) < 0)
		return -1;
	/* What nginx stores for it lies in the state folder, perhaps of another disk. */
	if (quota_set(p->homes, project(p, number), limits->disk_max, limits->inodes_max, err) < 0)
		return -1;
	return quota_set(p->spec_dir, project(p, number), limits->disk_max, limits->inodes_max,
			 err);
}

int place_quota(const struct place *p, uint32_t number, struct quota_facts *out, struct err *err)
{
	return quota_read(p->homes, project(p, number), out, err);
}

void place_forget_limits(const struct place *p, uint32_t number)
{
	/* Only a row in the file system's table. */
	(void)quota_set(p->homes, project(p, number), UINT64_MAX, UINT64_MAX, NULL);
	(void)quota_set(p->spec_dir, project(p, number), UINT64_MAX, UINT64_MAX, NULL);
}

int place_pool_dir(const struct place *p, uint32_t number, struct err *err)
{
	char name[16];

	(void)str_format(name, sizeof(name), "%u", number);	/* fits */
	mode_t mode = mutant_is_off("socket-modes") ? 0755 : 0750;
	int fd = file_make_dir(p->pool_dir, name, mode, 0, (gid_t)p->settings.web_gid, err);

	return fd < 0 ? err_wrap(err, "run folder of %u", number) : fd;
}

int place_bind(const struct place *p, int dir, const char *folder, const char *name, int type,
	       int backlog, mode_t mode, uid_t uid, gid_t gid, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char new_name[32];

	if (str_format(new_name, sizeof(new_name), "%s.new", name) < 0 ||
	    str_format(at.sun_path, sizeof(at.sun_path), "%s/%s%s", p->settings.run_dir, folder,
		       new_name) < 0)
		return err_set(err, ERR_SYSTEM, "the path of socket '%s' is longer than %zu "
			       "bytes; choose a shorter run_dir", name, sizeof(at.sun_path) - 1);
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, "make a socket");
	(void)unlinkat(dir, new_name, 0);	/* a leftover; bind tells if it stays */
	/* Bound aside and listening before it takes the name: no visitor meets a
	 * socket that refuses. */
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys(err, "bind '%s'", at.sun_path);
	if (mutant_is_off("socket-modes"))
		mode |= 0666;
	if (fchownat(dir, new_name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, new_name, mode, 0) < 0)
		return err_sys(err, "give '%s' to %u:%u", at.sun_path, uid, gid);
	if (listen(fd, backlog) < 0)
		return err_sys(err, "listen on '%s'", at.sun_path);
	if (renameat(dir, new_name, dir, name) < 0)
		return err_sys(err, "put '%s' in place", at.sun_path);
	return fd_take(&fd);
}
