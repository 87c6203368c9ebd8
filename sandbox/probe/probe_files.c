/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "build_config.h"
#include "sandbox/probe/probe.h"

#define SCRATCH "tmp/.tenant-probe"	/* below the home */

/* ---- what is there ---- */

struct listing {
	const char *const *known;	/* NULL behind the last one */
	const char *own[2];		/* two more */
	char stranger[64];
	int found;
};

static void compare(const char *name, void *arg)
{
	struct listing *l = arg;

	for (int i = 0; i < 2; i++)
		if (l->own[i] && strcmp(name, l->own[i]) == 0) {
			l->found++;
			return;
		}
	for (int i = 0; l->known && l->known[i]; i++) {
		size_t n = strcspn(l->known[i], "*");

		if (strncmp(name, l->known[i], n) == 0 && (l->known[i][n] || !name[n])) {
			l->found++;
			return;
		}
	}
	(void)snprintf(l->stranger, sizeof(l->stranger), "%s", name);
}

static enum promise_outcome judge_listing(struct probe *p, const char *path, struct listing *l)
{
	if (probe_list(path, compare, l) < 0)
		return probe_say(p, PROMISE_BROKEN, "'%.40s' is not the cage's own: %s", path,
				 strerror(errno));
	if (l->stranger[0])
		return probe_say(p, PROMISE_BROKEN, "'%.40s' in '%.30s'", l->stranger, path);
	if (l->found == 0)
		return probe_say(p, PROMISE_UNPROVEN, "nothing in '%.40s'", path);
	return probe_say(p, PROMISE_HELD, "nothing strange in '%.40s'", path);
}

enum promise_outcome probe_only_own_home(struct probe *p, const char *argument)
{
	char folder[POOL_PATH_MAX];

	(void)argument;
	(void)str_copy(folder, sizeof(folder), p->spec->home);
	char *slash = strrchr(folder, '/');

	*slash = '\0';
	struct listing l = { .own = { slash + 1 } };

	return judge_listing(p, folder, &l);
}

/* The first component of a path. */
static const char *top(const char *path, char out[64])
{
	(void)snprintf(out, 64, "%.*s", (int)strcspn(path + 1, "/"), path + 1);
	return out;
}

/* The component of PATH right below FOLDER, or NULL. */
static const char *below(const char *folder, const char *path, char out[64])
{
	size_t n = folder[1] ? strlen(folder) : 0;

	return strncmp(path, folder, n) == 0 && path[n] == '/' ? top(path + n, out) : NULL;
}

enum promise_outcome probe_list_within(struct probe *p, const char *argument)
{
	static const char *const root[] = { "bin", "dev", "etc", "lib*", "proc", "run", "sbin",
					    "tmp", "usr", NULL };
	static const char *const etc[] = {
		"ImageMagick-*", "alternatives", "fonts", "group", "host.conf", "hostname", "hosts",
		"ld.so.cache", "localtime", "nsswitch.conf", "passwd", "php", "protocols",
		"resolv.conf", "services", "ssl", NULL };
	static const char *const usr[] = { "bin", "lib*", "local", "sbin", "share", NULL };
	static const char *const local[] = { "share", NULL };
	static const char *const run[] = { "mail", "mysqld", "redis*", "valkey*", NULL };
	static const char *const dev[] = { "fd", "full", "null", "random", "shm", "stderr", "stdin",
					   "stdout", "urandom", "zero", NULL };
	static const struct { const char *path; const char *const *known; } folders[] = {
		{ "/", root }, { "/etc", etc }, { "/dev", dev }, { "/usr", usr },
		{ "/usr/local", local }, { "/run", run },
	};
	char home[64], runtime[64];
	struct listing l = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (strcmp(folders[i].path, argument) == 0)
			l.known = folders[i].known;
	l.own[0] = below(argument, p->spec->home, home);
	l.own[1] = below(argument, p->program, runtime);
	if (argument[1] && access(argument, F_OK) < 0 && errno == ENOENT)
		return probe_say(p, PROMISE_HELD, "there is no '%s'", argument);
	return judge_listing(p, argument, &l);
}

enum promise_outcome probe_names_of_users(struct probe *p, const char *argument)
{
	const char *at = probe_read(argument);
	bool is_found = false;

	for (; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		unsigned uid = 0;
		char name[32];

		if (sscanf(at, "%31[^:]:%*[^:]:%u", name, &uid) != 2)
			continue;
		if (uid == p->spec->uid)
			is_found = true;
		else if (strcmp(name, "root") != 0 && strcmp(name, "nobody") != 0 &&
			 strcmp(name, "nogroup") != 0)
			return probe_say(p, PROMISE_BROKEN, "the name '%s'", name);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "only its own name") :
	       probe_say(p, PROMISE_UNPROVEN, "its own name is missing");
}

static uint64_t room_of(const struct probe *p, const char *path)
{
	return strcmp(path, "/tmp") == 0 ? p->spec->options.tmp_size : p->spec->options.shm_size;
}

static void count(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
}

enum promise_outcome probe_own_temporary(struct probe *p, const char *argument)
{
	char path[64];
	struct statvfs v;
	int entries = 0;

	if (statvfs(argument, &v) < 0 || probe_list(argument, count, &entries) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "look at it: %s", strerror(errno));
	if (entries > 0 || (uint64_t)v.f_blocks * v.f_frsize > room_of(p, argument) + 65536)
		return probe_say(p, PROMISE_BROKEN, "%d files of others, or another file system",
				 entries);
	(void)str_format(path, sizeof(path), "%s/.tenant-probe", argument);
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || unlink(path) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "make a file: %s", strerror(errno));
	return probe_say(p, PROMISE_HELD, "empty, and its own");
}

enum promise_outcome probe_room(struct probe *p, const char *argument)
{
	struct statvfs v;

	if (statvfs(argument, &v) < 0 || v.f_blocks == 0)
		return probe_say(p, PROMISE_UNPROVEN, "ask for its size: %s", strerror(errno));
	uint64_t has = (uint64_t)v.f_blocks * v.f_frsize, wants = room_of(p, argument);

	return probe_say(p, has <= wants + v.f_frsize && v.f_files > 0 ? PROMISE_HELD :
			 PROMISE_BROKEN, "%llu bytes, %llu by plan", (unsigned long long)has,
			 (unsigned long long)wants);
}

/* ---- mounts, as the kernel tells them ---- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, word, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	return false;
}

/* True if a mount there, with these flags, has what FLAG asks for. */
static bool is_flagged(const struct probe *p, const char *place, const char *flags,
		       const char *flag)
{
	bool is_writable = has_word(flags, "rw");

	if (strcmp(flag, "ro") == 0)
		return !is_writable || strcmp(place, p->spec->home) == 0 ||
		       strcmp(place, "/tmp") == 0 || strcmp(place, "/dev/shm") == 0;
	if (strcmp(flag, "noexec") == 0)
		return !is_writable || has_word(flags, flag);
	if (strcmp(flag, "nodev") == 0 && strncmp(place, "/dev/", 5) == 0 &&
	    strcmp(place, "/dev/shm") != 0)
		return true;
	return has_word(flags, flag);
}

enum promise_outcome probe_mount_flag(struct probe *p, const char *argument)
{
	const char *at = probe_read("/proc/self/mountinfo");
	char place[POOL_PATH_MAX], flags[128];
	bool is_found = false;

	for (; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (sscanf(at, "%*d %*d %*s %*s %511s %127s", place, flags) != 2)
			return probe_say(p, PROMISE_UNPROVEN, "a line that cannot be read");
		is_found = is_found || (strcmp(place, p->spec->home) == 0 && has_word(flags, "rw"));
		if (!is_flagged(p, place, flags, argument))
			return probe_say(p, PROMISE_BROKEN, "'%.40s' has %.30s", place, flags);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "so on every mount") :
	       probe_say(p, PROMISE_UNPROVEN, "its home is not among the mounts");
}

enum promise_outcome probe_mount_places(struct probe *p, const char *argument)
{
	static const char *const tops[] = { "usr", "etc", "lib", "lib64", "dev", "proc", "tmp",
					    "run", "" };
	const char *at = probe_read("/proc/self/mountinfo");
	char place[POOL_PATH_MAX], first[64], home[64], runtime[64];
	bool is_found = false;

	(void)argument;
	(void)top(p->spec->home, home);
	(void)top(p->program, runtime);
	for (; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		bool is_known = false;

		if (sscanf(at, "%*d %*d %*s %*s %511s", place) != 1)
			return probe_say(p, PROMISE_UNPROVEN, "a line that cannot be read");
		is_found = is_found || strcmp(place, p->spec->home) == 0;
		(void)top(place, first);
		for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
			is_known = is_known || strcmp(first, tops[i]) == 0;
		if (!is_known && strcmp(first, home) != 0 && strcmp(first, runtime) != 0)
			return probe_say(p, PROMISE_BROKEN, "'%.60s' is mounted", place);
	}
	return is_found ? probe_say(p, PROMISE_HELD, "only the cage's own mounts") :
	       probe_say(p, PROMISE_UNPROVEN, "its home is not among the mounts");
}

/* ---- changing ---- */

static long open_for_writing(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static long make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : unlink(path) + close(fd);
}

static bool makes_file_at_home(struct probe *p)
{
	(void)unlink(probe_home(p, SCRATCH));
	struct tried t = probe_try(make_file, probe_home(p, SCRATCH));

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
	if (!makes_file_at_home(p))
		return PROMISE_UNPROVEN;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct tried t = probe_try(open_for_writing, paths[i]);

		if (probe_judge(p, &t, paths[i]) != PROMISE_HELD)
			return PROMISE_BROKEN;
	}
	return PROMISE_HELD;
}

enum promise_outcome probe_write_logs(struct probe *p, const char *argument)
{
	(void)argument;
	if (!makes_file_at_home(p))
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
	(void)rmdir(probe_home(p, SCRATCH));
	if (mkdir(probe_home(p, SCRATCH), 0700) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "make a folder: %s", strerror(errno));
	struct tried own = probe_try(rename_root, probe_home(p, SCRATCH));

	(void)rmdir(probe_home(p, SCRATCH));
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

/* ---- running ---- */

/* Copies this very program to FD. */
static int copy_program(int to)
{
	static char data[65536];
	CLOSE_AT_EXIT int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n = from < 0 ? -1 : 0;

	while (from >= 0 && (n = read(from, data, sizeof(data))) > 0)
		if (fd_write_full(to, data, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static const char *put_program(struct probe *p)
{
	const char *path = probe_home(p, SCRATCH);

	(void)unlink(path);
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (fd >= 0 && copy_program(fd) == 0)
		return path;
	(void)probe_say(p, PROMISE_UNPROVEN, "copy a program: %s", strerror(errno));
	return NULL;
}

static char *const started[] = { (char *)(uintptr_t)"tenant-probe",
				 (char *)(uintptr_t)"started", NULL };

static long start_file(const char *path)
{
	return execve(path, started, NULL);
}

enum promise_outcome probe_run_own_file(struct probe *p, const char *argument)
{
	const char *path = put_program(p);

	(void)argument;
	if (!path)
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(start_file, path);

	(void)unlink(path);
	return probe_judge(p, &t, "start it");
}

enum promise_outcome probe_start_program(struct probe *p, const char *argument)
{
	CLOSE_AT_EXIT int fd = open(p->program, O_PATH | O_CLOEXEC);

	(void)argument;
	if (p->has_programs)
		return probe_say(p, PROMISE_SKIPPED, "the plan allows programs");
	if (fd < 0)
		return probe_say(p, PROMISE_UNPROVEN, "open it: %s", strerror(errno));
	struct tried t = probe_try(start_file, p->program);

	return probe_judge(p, &t, "start it");
}

static long map_file(const char *path, int protection)
{
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || mmap(NULL, 4096, protection, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static long map_for_reading(const char *path)
{
	return map_file(path, PROT_READ);
}

static long map_as_code(const char *path)
{
	return map_file(path, PROT_READ | PROT_EXEC);
}

enum promise_outcome probe_map_own_file(struct probe *p, const char *argument)
{
	const char *path = put_program(p);

	(void)argument;
	if (!path)
		return PROMISE_UNPROVEN;
	struct tried plain = probe_try(map_for_reading, path);
	struct tried t = probe_try(map_as_code, path);

	(void)unlink(path);
	if (plain.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "map it: %s", strerror(plain.error));
	return probe_judge(p, &t, "map it as code");
}

static long start_from_memory(const char *argument)
{
	int fd = (int)syscall(SYS_memfd_create, argument, 0);

	if (fd < 0 || copy_program(fd) < 0)
		return -1;
	return syscall(SYS_execveat, fd, "", started, NULL, AT_EMPTY_PATH);
}

enum promise_outcome probe_run_memory_file(struct probe *p, const char *argument)
{
	(void)argument;
	if (!makes_file_at_home(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(start_from_memory, "probe");

	return probe_judge(p, &t, "start a file in memory");
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
