/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts on the kernel's surface that take more than one call with fixed arguments
 * (those are probe_calls.c).  None does harm where it is let through.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/str.h"
#include "sandbox/probe/probe.h"

#ifdef __x86_64__
/* getpid by the number that 32-bit programs use. */
static long old_call(const char *argument)
{
	long answer = 20;

	if (strcmp(argument, "x32") == 0)	/* the same table's other half */
		return syscall(0x40000000 | SYS_getpid);
	__asm__ volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
	return answer;
}
#endif

enum promise_outcome probe_other_table(struct probe *p, const char *argument)
{
#ifdef __x86_64__
	if (!probe_can_call(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(old_call, argument);

	if (t.signal == SIGSEGV)
		return probe_say(p, PROMISE_SKIPPED, "this kernel has no other table");
	return probe_judge(p, &t, argument);
#else
	(void)argument;
	return probe_say(p, PROMISE_SKIPPED, "this machine has no other table");
#endif
}

/* The loopback's flags, as they are. */
static long set_flags(const char *argument)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)argument;
	return sock < 0 ? -1 : ioctl(sock, SIOCSIFFLAGS, &lo);
}

static long open_socket(const char *argument)
{
	(void)argument;
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

enum promise_outcome probe_change_link(struct probe *p, const char *argument)
{
	struct tried own = probe_try(open_socket, argument);
	struct tried t = probe_try(set_flags, argument);

	if (own.value < 0)
		return probe_say(p, PROMISE_UNPROVEN, "open a socket: %s", strerror(own.error));
	return probe_judge(p, &t, "set the flags of the loopback");
}

static long clone_user(const char *argument)
{
	(void)argument;
	/* The kernel itself always refuses this pair, with another error. */
	return syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0);
}

static long clone_new(const char *argument)
{
	(void)argument;
	return syscall(SYS_clone3, 0, 0);
}

static long read_cached(const char *argument)
{
	(void)argument;
	/* Of no bytes at all: allowed, it does nothing. */
	return syscall(SYS_preadv2, POOL_FD_SPEC, NULL, 0, 0, 0, RWF_NOWAIT);
}

enum promise_outcome probe_read_cached(struct probe *p, const char *argument)
{
	if (!probe_can_call(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(read_cached, argument);

	return probe_judge(p, &t, "preadv2 with RWF_NOWAIT");
}

enum promise_outcome probe_user_namespace(struct probe *p, const char *argument)
{
	if (!probe_can_call(p))
		return PROMISE_UNPROVEN;
	struct tried newer = probe_try(clone_new, argument);
	struct tried t = probe_try(clone_user, argument);

	if (newer.value >= 0 || newer.error != ENOSYS)
		return probe_say(p, PROMISE_BROKEN, "clone3 is there: %s", strerror(newer.error));
	return probe_judge(p, &t, "clone");
}

static long make_child(const char *argument)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void)argument;
	if (pid == 0)
		_exit(0);
	return pid;
}

enum promise_outcome probe_make_process(struct probe *p, const char *argument)
{
	if (p->has_programs)
		return probe_say(p, PROMISE_SKIPPED, PROBE_PROGRAMS_ALLOWED);
	if (!probe_can_call(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(make_child, argument);

	return probe_judge(p, &t, "clone");
}

static long map_memory(const char *argument)
{
	bool is_code = strcmp(argument, "mmap") == 0;
	void *at = mmap(NULL, 4096, PROT_READ | (is_code ? PROT_EXEC : PROT_WRITE),
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -1;
	return strcmp(argument, "mprotect") == 0 ? mprotect(at, 4096, PROT_READ | PROT_EXEC) : 0;
}

static long attach_memory(const char *argument)
{
	int id = shmget(IPC_PRIVATE, 4096, 0700);
	void *at = id < 0 ? (void *)-1 : shmat(id, NULL, argument[0] ? SHM_EXEC : 0);
	int error = errno;

	if (id >= 0)
		(void)shmctl(id, IPC_RMID, NULL);	/* or it ends with the namespace */
	errno = error;
	return at == (void *)-1 ? -1 : 0;
}

enum promise_outcome probe_make_code(struct probe *p, const char *argument)
{
	bool is_shared = strcmp(argument, "shmat") == 0;

	if (p->has_programs && !is_shared)
		return probe_say(p, PROMISE_SKIPPED, PROBE_PROGRAMS_ALLOWED);
	if (p->has_jit && !is_shared)
		return probe_say(p, PROMISE_SKIPPED, "the plan allows machine code");
	struct tried plain = is_shared ? probe_try(attach_memory, "") : probe_try(map_memory, "");

	if (plain.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "without code: %s", strerror(plain.error));
	struct tried t = probe_try(is_shared ? attach_memory : map_memory, argument);

	return probe_judge(p, &t, argument);
}
