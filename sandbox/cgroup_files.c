/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of groups and the kernel's small files. */
#include "sandbox/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"

/* Room for the pids of a group that is at its limit; files of this kind are
 * read in pieces. */
#define PIECE 4096

const char *const cgroup_controller_names[CGROUP_CONTROLLERS] = {
	[CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct", [CGROUP_IO] = "io", [CGROUP_FREEZER] = "freezer",
};

void cgroup_path(char out[CGROUP_FILE_MAX], const char *base, uint32_t number,
		 uint32_t generation)
{
	char tail[64] = "";

	if (number > 0 && generation > 0)
		(void)str_format(tail, sizeof(tail), "/%u/g%u", number, generation);
	else if (number > 0)
		(void)str_format(tail, sizeof(tail), "/%u", number);
	(void)str_format(out, CGROUP_FILE_MAX, "%s/tenants%s", base, tail);
}

const char *cgroup_primary(const struct cgroup_tree *t)
{
	return t->unified[0] ? t->unified : t->v1[CGROUP_PIDS];
}

/* Every failure of this module is of one kind to the outside; the errno stays. */
static int fail(struct err *err, const char *what, const char *folder, const char *name)
{
	int saved = errno;

	(void)err_set(err, ERR_CGROUP, "%s '%s%s%s': %s", what, folder, *name ? "/" : "", name,
		      strerror(saved));
	if (err)
		err->sys = saved;
	errno = saved;
	return -1;
}

static int open_file(const char *folder, const char *name, int flags)
{
	char path[CGROUP_FILE_MAX + 64];

	if (str_format(path, sizeof(path), "%s/%s", folder, name) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC);
}

int cgroup_write(const char *folder, const char *name, const char *value, struct err *err)
{
	/* Lowering memory.max, the writer would take the memory back from the tenant, at a
	 * speed that is the tenant's to choose; from Linux 6.16 on this word leaves it to the
	 * tenant's next allocation.  Elsewhere it means nothing. */
	CLOSE_AT_EXIT int fd = open_file(folder, name, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return fail(err, "open", folder, name);
	/* One write: the kernel takes each as a whole command. */
	if (write(fd, value, strlen(value)) >= 0)
		return 0;
	int saved = errno;

	(void)fail(err, "write", folder, name);
	(void)err_wrap(err, "value '%s'", value);
	errno = saved;
	return -1;
}

int cgroup_write_number(const char *folder, const char *name, uint64_t value, struct err *err)
{
	char text[32];

	(void)str_format(text, sizeof(text), "%llu", (unsigned long long)value);
	return cgroup_write(folder, name, text, err);
}

int cgroup_text(const char *folder, const char *name, char *out, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = open_file(folder, name, O_RDONLY);
	size_t have = 0;

	if (fd < 0)
		return fail(err, "open", folder, name);
	while (have < size - 1) {
		ssize_t n = read(fd, out + have, size - 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, "read", folder, name);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	out[have] = '\0';
	return 0;
}

uint64_t cgroup_number(const char *folder, const char *name)
{
	char text[64];
	uint64_t value = 0;

	if (cgroup_text(folder, name, text, sizeof(text), NULL) < 0)
		return UINT64_MAX;
	text[strcspn(text, "\n")] = '\0';
	return str_number(text, UINT64_MAX, &value) < 0 ? UINT64_MAX : value;
}

uint64_t cgroup_keyed(const char *folder, const char *name, const char *key)
{
	char text[PIECE];
	size_t length = strlen(key);

	if (cgroup_text(folder, name, text, sizeof(text), NULL) < 0)
		return 0;
	for (char *line = text; *line; ) {
		char *end = line + strcspn(line, "\n");

		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
		line = *end ? end + 1 : end;
	}
	return 0;
}

bool cgroup_has(const char *folder, const char *name)
{
	CLOSE_AT_EXIT int fd = open_file(folder, name, O_PATH);

	return fd >= 0;
}

int cgroup_mkdir(const char *folder, struct err *err)
{
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return fail(err, "make group", folder, "");
	return 0;
}

int cgroup_rmdir(const char *folder, struct err *err)
{
	if (rmdir(folder) < 0 && errno != ENOENT)
		return fail(err, "remove group", folder, "");
	return 0;
}

int cgroup_each_number(const char *folder, const char *prefix,
		       int (*each)(uint32_t number, void *arg), void *arg, struct err *err)
{
	CLOSE_AT_EXIT int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, "list group", folder, "");
	return file_each_number(fd, prefix, each, arg, err);
}

int cgroup_each_proc(const char *folder, int (*each)(pid_t pid, void *arg), void *arg,
		     struct err *err)
{
	CLOSE_AT_EXIT int fd = open_file(folder, "cgroup.procs", O_RDONLY);
	char piece[PIECE];
	uint32_t pid = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, "open", folder, "cgroup.procs");
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)	/* ENODEV: the group went away meanwhile */
			return errno == ENODEV ? 0 : fail(err, "read", folder, "cgroup.procs");
		if (n == 0)
			return 0;
		for (ssize_t i = 0; i < n; i++) {
			if (piece[i] >= '0' && piece[i] <= '9') {
				pid = pid * 10 + (uint32_t)(piece[i] - '0');
				continue;
			}
			/* 0 stands for a process outside our pid namespace. */
			int rc = pid > 0 ? each((pid_t)pid, arg) : 0;

			pid = 0;
			if (rc != 0)
				return rc;
		}
	}
}
