/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts to change what is not the site's: files, folders, devices, the root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "build_config.h"
#include "sandbox/probe/probe.h"

static long make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : unlink(path) + close(fd);
}

bool probe_can_write(struct probe *p)
{
	(void)unlink(probe_home(p, PROBE_SCRATCH));
	struct tried t = probe_try(make_file, probe_home(p, PROBE_SCRATCH));

	if (t.value == 0 && !t.signal)
		return true;
	(void)probe_say(p, PROMISE_UNPROVEN, "make a file at home: %s", strerror(t.error));
	return false;
}

enum promise_outcome probe_write_runtime(struct probe *p, const char *argument)
{
	const char *const paths[] = { "/etc/passwd", "/usr/lib/" MULTIARCH "/libc.so.6",
				      "/usr/share/zoneinfo/UTC" };

	(void)argument;
	if (!probe_can_write(p))
		return PROMISE_UNPROVEN;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct tried t = probe_try(probe_open_for_writing, paths[i]);

		if (probe_judge(p, &t, paths[i]) != PROMISE_HELD)
			return PROMISE_BROKEN;
	}
	return PROMISE_HELD;
}

enum promise_outcome probe_write_logs(struct probe *p, const char *argument)
{
	(void)argument;
	if (!probe_can_write(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(make_file, probe_home(p, "logs/.tenant-probe"));

	return probe_judge(p, &t, "make a file among the logs");
}

static long rename_root(const char *path)
{
	char aside[POOL_PATH_MAX + 128];

	(void)str_format(aside, sizeof(aside), "%s.tenant-probe", path);
	return rename(path, aside) < 0 ? -1 : rename(aside, path);
}

enum promise_outcome probe_swap_home(struct probe *p, const char *argument)
{
	char root[64];

	(void)argument;
	(void)snprintf(root, sizeof(root), "%.*s",
		       (int)strcspn(p->spec->options.document_root, "/"),
		       p->spec->options.document_root);
	(void)rmdir(probe_home(p, PROBE_SCRATCH));
	if (mkdir(probe_home(p, PROBE_SCRATCH), 0700) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "make a folder: %s", strerror(errno));
	struct tried own = probe_try(rename_root, probe_home(p, PROBE_SCRATCH));

	(void)rmdir(probe_home(p, PROBE_SCRATCH));
	if (own.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "rename a folder: %s", strerror(own.error));
	struct tried t = probe_try(rename_root, probe_home(p, root));

	return probe_judge(p, &t, "rename the document root");
}

static long make_node(const char *path)
{
	return mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0 ? -1 : unlink(path);
}

static long make_fifo(const char *path)
{
	return mkfifo(path, 0600) < 0 ? -1 : unlink(path);
}

enum promise_outcome probe_make_device(struct probe *p, const char *argument)
{
	struct tried fifo = probe_try(make_fifo, "/tmp/.tenant-probe");

	(void)argument;
	if (fifo.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "make a fifo: %s", strerror(fifo.error));
	struct tried t = probe_try(make_node, "/tmp/.tenant-probe");

	return probe_judge(p, &t, "make a device");
}

/* The mode that it has: where it works, nothing is changed. */
static long set_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : chmod(path, st.st_mode & 07777);
}

enum promise_outcome probe_device_mode(struct probe *p, const char *argument)
{
	CLOSE_AT_EXIT int fd = open("/tmp/.tenant-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct tried own = probe_try(set_mode, "/tmp/.tenant-probe");
	struct tried t = probe_try(set_mode, "/dev/null");

	(void)argument;
	if (fd < 0 || unlink("/tmp/.tenant-probe") < 0 || own.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "set a mode: %s", strerror(own.error));
	return probe_judge(p, &t, "set the mode of /dev/null");
}

static long change_root(const char *path)
{
	return chroot(path);
}

static long change_folder(const char *path)
{
	return chdir(path);
}

enum promise_outcome probe_change_root(struct probe *p, const char *argument)
{
	struct tried folder = probe_try(change_folder, "/tmp");
	struct tried t = probe_try(change_root, "/tmp");

	(void)argument;
	if (folder.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "change to /tmp: %s", strerror(folder.error));
	return probe_judge(p, &t, "chroot");
}
