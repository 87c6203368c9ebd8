/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on what the kernel bounds.  A limit is asked for, or met by what costs nothing. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/str.h"
#include "sandbox/jail.h"
#include "sandbox/probe/probe.h"

#define PAGE 4096

static long lock_memory(const char *argument)
{
	uint64_t size = 0;

	if (str_number(argument, UINT32_MAX, &size) < 0)
		return -1;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : mlock(at, size);
}

enum promise_outcome probe_locked_memory(struct probe *p, const char *argument)
{
	char size[16];

	(void)argument;
	(void)str_format(size, sizeof(size), "%d", PAGE);
	struct tried one = probe_try(lock_memory, size);

	(void)str_format(size, sizeof(size), "%d", JAIL_LOCKED_MEMORY + PAGE);
	struct tried t = probe_try(lock_memory, size);

	if (one.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "lock a page: %s", strerror(one.error));
	return probe_say(p, t.value < 0 && t.error == ENOMEM ? PROMISE_HELD : PROMISE_BROKEN,
			 "lock %s bytes: %s", size, strerror(t.value < 0 ? t.error : 0));
}

/* Signals that wait hold memory of the kernel's.  They wait for this process alone and
 * go with it. */
static long queue_signals(const char *argument)
{
	uint64_t count = 0;
	sigset_t all;

	if (str_number(argument, INT32_MAX, &count) < 0 || sigfillset(&all) < 0 ||
	    sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) < 0)
			return -1;
	return 0;
}

enum promise_outcome probe_queued_signals(struct probe *p, const char *argument)
{
	char count[16];

	(void)argument;
	struct tried few = probe_try(queue_signals, "10");

	(void)str_format(count, sizeof(count), "%d", JAIL_QUEUED_SIGNALS + 1);
	struct tried t = probe_try(queue_signals, count);

	if (few.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "queue ten: %s", strerror(few.error));
	return probe_say(p, t.value < 0 && t.error == EAGAIN ? PROMISE_HELD : PROMISE_BROKEN,
			 "queue %s: %s", count, strerror(t.value < 0 ? t.error : 0));
}

enum promise_outcome probe_inodes(struct probe *p, const char *argument)
{
	struct statvfs v;

	if (statvfs(argument, &v) < 0 || v.f_blocks == 0)
		return probe_say(p, PROMISE_UNPROVEN, "ask for its size: %s", strerror(errno));
	uint64_t most = jail_tmpfs_inodes((uint64_t)v.f_blocks * v.f_frsize);

	/* 0: as many as the memory of the machine holds. */
	return probe_say(p, v.f_files > 0 && v.f_files <= most ? PROMISE_HELD : PROMISE_BROKEN,
			 "%llu files, %llu by its size", (unsigned long long)v.f_files,
			 (unsigned long long)most);
}

static long take_number(const char *argument)
{
	uint64_t number = 0;

	return str_number(argument, INT32_MAX, &number) < 0 ? -1 : dup2(1, (int)number);
}

enum promise_outcome probe_open_files(struct probe *p, const char *argument)
{
	char number[16];
	uint64_t most = p->spec->options.open_files;

	(void)argument;
	(void)str_format(number, sizeof(number), "%llu", (unsigned long long)most - 1);
	struct tried last = probe_try(take_number, number);

	(void)str_format(number, sizeof(number), "%llu", (unsigned long long)most);
	struct tried t = probe_try(take_number, number);

	if (last.value < 0)
		return probe_say(p, PROMISE_UNPROVEN, "take the last descriptor: %s",
				 strerror(last.error));
	return probe_say(p, t.value < 0 && t.error == EBADF ? PROMISE_HELD : PROMISE_BROKEN,
			 "descriptor %s: %s", number, strerror(t.value < 0 ? t.error : 0));
}

enum promise_outcome probe_core_dump(struct probe *p, const char *argument)
{
	struct rlimit core;

	(void)argument;
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "read it: %s", strerror(errno));
	/* 1: only that also keeps the kernel from starting a handler (core(5)). */
	return probe_say(p, core.rlim_cur == 1 && core.rlim_max == 1 ? PROMISE_HELD :
			 PROMISE_BROKEN, "core limit %llu", (unsigned long long)core.rlim_max);
}
