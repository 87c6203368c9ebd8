/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts to run what the site has brought along: programs, and files as code. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/probe/probe.h"

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
	const char *path = probe_home(p, PROBE_SCRATCH);

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
		return probe_say(p, PROMISE_SKIPPED, PROBE_PROGRAMS_ALLOWED);
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
	if (!probe_can_write(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(start_from_memory, "probe");

	return probe_judge(p, &t, "start a file in memory");
}
