/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts on the kernel's surface.  Every call has arguments that do no harm
 * where it is let through: only the filter's own answer counts as refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "sandbox/probe/probe.h"

#define BAD (-1L)		/* no address, no descriptor */

/* The filter's answer; UNLESS_PROGRAMS: refuses, but where the plan allows programs. */
enum answer { REFUSES, ENDS, UNLESS_PROGRAMS };

static const struct call {
	const char *group;
	enum answer answer;
	const char *name;
	long number, a, b, c, d, e;
} table[] = {
	{ "trace", ENDS, "ptrace", SYS_ptrace, 16, 1, 0, 0, 0 },
	{ "trace", ENDS, "process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0, 0 },
	{ "trace", ENDS, "process_vm_writev", SYS_process_vm_writev, 1, 0, 0, 0, 0 },
	{ "trace", ENDS, "pidfd_getfd", SYS_pidfd_getfd, BAD, 0, 0, 0, 0 },
	{ "trace", ENDS, "kcmp", SYS_kcmp, BAD, BAD, 0, 0, 0 },
	{ "namespaces", ENDS, "unshare", SYS_unshare, 0, 0, 0, 0, 0 },
	{ "namespaces", ENDS, "setns", SYS_setns, BAD, 0, 0, 0, 0 },
	{ "mounts", ENDS, "mount", SYS_mount, BAD, BAD, BAD, 0, BAD },
	{ "mounts", ENDS, "umount2", SYS_umount2, BAD, 0, 0, 0, 0 },
	{ "mounts", ENDS, "pivot_root", SYS_pivot_root, BAD, BAD, 0, 0, 0 },
	{ "mounts", ENDS, "open_tree", SYS_open_tree, BAD, BAD, 0, 0, 0 },
	{ "mounts", ENDS, "move_mount", SYS_move_mount, BAD, BAD, BAD, BAD, 0 },
	{ "mounts", ENDS, "fsopen", SYS_fsopen, BAD, 0, 0, 0, 0 },
	{ "mounts", ENDS, "fsmount", SYS_fsmount, BAD, 0, 0, 0, 0 },
	{ "mounts", ENDS, "fsconfig", SYS_fsconfig, BAD, 0, 0, 0, 0 },
	{ "mounts", ENDS, "fspick", SYS_fspick, BAD, BAD, 0, 0, 0 },
	{ "mounts", ENDS, "mount_setattr", SYS_mount_setattr, BAD, BAD, 0, 0, 0 },
	{ "handles", ENDS, "open_by_handle_at", SYS_open_by_handle_at, BAD, BAD, 0, 0, 0 },
	{ "tracing", ENDS, "bpf", SYS_bpf, BAD, 0, 0, 0, 0 },
	{ "tracing", ENDS, "perf_event_open", SYS_perf_event_open, BAD, 0, 0, 0, 0 },
	{ "tracing", ENDS, "userfaultfd", SYS_userfaultfd, BAD, 0, 0, 0, 0 },
	{ "keys", ENDS, "keyctl", SYS_keyctl, BAD, 0, 0, 0, 0 },
	{ "keys", ENDS, "add_key", SYS_add_key, BAD, BAD, 0, 0, 0 },
	{ "keys", ENDS, "request_key", SYS_request_key, BAD, BAD, 0, 0, 0 },
	{ "modules", ENDS, "init_module", SYS_init_module, BAD, 0, BAD, 0, 0 },
	{ "modules", ENDS, "finit_module", SYS_finit_module, BAD, BAD, 0, 0, 0 },
	{ "modules", ENDS, "delete_module", SYS_delete_module, BAD, 0, 0, 0, 0 },
	{ "modules", ENDS, "kexec_load", SYS_kexec_load, 0, BAD, BAD, BAD, 0 },
	{ "modules", ENDS, "kexec_file_load", SYS_kexec_file_load, BAD, BAD, 0, BAD, BAD },
	{ "machine", ENDS, "reboot", SYS_reboot, 0, 0, 0, 0, 0 },
	{ "machine", ENDS, "swapon", SYS_swapon, BAD, 0, 0, 0, 0 },
	{ "machine", ENDS, "swapoff", SYS_swapoff, BAD, 0, 0, 0, 0 },
	{ "machine", ENDS, "acct", SYS_acct, BAD, 0, 0, 0, 0 },
#ifdef __x86_64__
	{ "hardware", ENDS, "iopl", SYS_iopl, BAD, 0, 0, 0, 0 },
	{ "hardware", ENDS, "ioperm", SYS_ioperm, BAD, BAD, 0, 0, 0 },
	{ "hardware", ENDS, "modify_ldt", SYS_modify_ldt, BAD, 0, 0, 0, 0 },
#endif
	{ "watches", ENDS, "fanotify_init", SYS_fanotify_init, BAD, 0, 0, 0, 0 },
	{ "rings", REFUSES, "io_uring_setup", SYS_io_uring_setup, 1, BAD, 0, 0, 0 },
	{ "rings", REFUSES, "io_setup", SYS_io_setup, 1, BAD, 0, 0, 0 },
	{ "pages", REFUSES, "vmsplice", SYS_vmsplice, BAD, 0, 0, 0, 0 },
	{ "pages", REFUSES, "splice", SYS_splice, BAD, 0, BAD, 0, 1 },
	{ "pages", REFUSES, "tee", SYS_tee, BAD, BAD, 1, 0, 0 },
	{ "pages", REFUSES, "remap_file_pages", SYS_remap_file_pages, 1, 1, 1, 1, 0 },
	{ "memory", REFUSES, "mbind", SYS_mbind, 1, 1, 1, BAD, 1 },
	{ "memory", REFUSES, "set_mempolicy", SYS_set_mempolicy, 99, BAD, 1, 0, 0 },
	{ "memory", REFUSES, "process_madvise", SYS_process_madvise, BAD, 0, 0, 0, 0 },
	{ "memory", REFUSES, "mlockall", SYS_mlockall, BAD, 0, 0, 0, 0 },
	{ "memory", REFUSES, "process_mrelease", 448, BAD, 0, 0, 0, 0 },
	{ "memory", REFUSES, "move_pages", SYS_move_pages, 0x7ffffff0, 1, BAD, BAD, BAD },
	{ "memory", REFUSES, "migrate_pages", SYS_migrate_pages, 0x7ffffff0, 64, BAD, BAD, 0 },
	{ "queues", REFUSES, "mq_open", SYS_mq_open, BAD, 0, 0, 0, 0 },
	{ "queues", REFUSES, "mq_unlink", SYS_mq_unlink, BAD, 0, 0, 0, 0 },
	{ "stalls", REFUSES, "syncfs", SYS_syncfs, BAD, 0, 0, 0, 0 },
	{ "stalls", REFUSES, "quotactl", SYS_quotactl, BAD, BAD, 0, 0, 0 },
	{ "schedule", REFUSES, "sched_setaffinity", SYS_sched_setaffinity, 0, 8, BAD, 0, 0 },
	{ "schedule", REFUSES, "sched_setscheduler", SYS_sched_setscheduler, 0, BAD, BAD, 0, 0 },
	{ "schedule", REFUSES, "sched_setattr", SYS_sched_setattr, 0, BAD, 0, 0, 0 },
	{ "schedule", REFUSES, "ioprio_set", SYS_ioprio_set, 99, 0, 0, 0, 0 },
	{ "xattr", REFUSES, "setxattr", SYS_setxattr, BAD, BAD, 0, 0, 0 },
	{ "xattr", REFUSES, "fsetxattr", SYS_fsetxattr, BAD, BAD, 0, 0, 0 },
	{ "xattr", REFUSES, "removexattr", SYS_removexattr, BAD, BAD, 0, 0, 0 },
	{ "personality", REFUSES, "personality", SYS_personality, 0xffffffff, 0, 0, 0, 0 },
	{ "sockets", REFUSES, "netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, 0 },
	{ "sockets", REFUSES, "vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0, 0 },
	{ "sockets", REFUSES, "alg", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, 0, 0 },
	{ "sockets", REFUSES, "bluetooth", SYS_socket, AF_BLUETOOTH, SOCK_SEQPACKET, 0, 0, 0 },
	{ "sockets", REFUSES, "packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, 0 },
	{ "sockets", REFUSES, "raw", SYS_socket, AF_INET, SOCK_RAW, 1, 0, 0 },
	{ "sockets", REFUSES, "netlink, high bits", SYS_socket, AF_NETLINK | 1L << 32, SOCK_RAW, 0,
	  0, 0 },
	{ "ioctl", REFUSES, "TIOCSTI", SYS_ioctl, POOL_FD_SPEC, TIOCSTI, 0, 0, 0 },
	{ "ioctl", REFUSES, "TIOCLINUX", SYS_ioctl, POOL_FD_SPEC, TIOCLINUX, 0, 0, 0 },
	{ "ioctl", REFUSES, "TIOCSTI, high bits", SYS_ioctl, POOL_FD_SPEC, TIOCSTI | 1L << 32, 0, 0,
	  0 },
	{ "ioctl", REFUSES, "FS_IOC_SETFLAGS", SYS_ioctl, POOL_FD_SPEC, FS_IOC_SETFLAGS, BAD, 0,
	  0 },
	{ "ioctl", REFUSES, "FS_IOC_FSSETXATTR", SYS_ioctl, POOL_FD_SPEC, FS_IOC_FSSETXATTR, BAD,
	  0, 0 },
	{ "ioctl", REFUSES, "file_setattr", 469, BAD, 0, BAD, 24, 0 },	/* 6.17; no header yet */
	{ "ioctl", REFUSES, "BLKRRPART", SYS_ioctl, POOL_FD_SPEC, BLKRRPART, 0, 0, 0 },
	{ "prctl", REFUSES, "PR_SET_DUMPABLE", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0 },
	{ "prctl", REFUSES, "PR_SET_PTRACER", SYS_prctl, PR_SET_PTRACER, BAD, 0, 0, 0 },
	{ "prctl", REFUSES, "PR_SET_MM", SYS_prctl, PR_SET_MM, 99, 0, 0, 0 },
	{ "fcntl", REFUSES, "F_SETLEASE", SYS_fcntl, POOL_FD_SPEC, F_SETLEASE, 99, 0, 0 },
	{ "fcntl", REFUSES, "F_NOTIFY", SYS_fcntl, POOL_FD_SPEC, F_NOTIFY, 0, 0, 0 },
	{ "fcntl", REFUSES, "F_SETOWN", SYS_fcntl, POOL_FD_SPEC, F_SETOWN, 0, 0, 0 },
	{ "raw", REFUSES, "raw ICMP", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP, 0, 0 },
	{ "raw", REFUSES, "raw IP", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_RAW, 0, 0 },
	{ "raw", REFUSES, "ping", SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0, 0 },
	{ "options", REFUSES, "SO_LINGER", SYS_setsockopt, BAD, SOL_SOCKET, SO_LINGER, 0, 0 },
	{ "options", REFUSES, "SO_ATTACH_FILTER", SYS_setsockopt, BAD, SOL_SOCKET, SO_ATTACH_FILTER,
	  0, 0 },
	{ "options", REFUSES, "SO_ATTACH_BPF", SYS_setsockopt, BAD, SOL_SOCKET, SO_ATTACH_BPF, 0,
	  0 },
	{ "options", REFUSES, "TCP_ULP", SYS_setsockopt, BAD, IPPROTO_TCP, TCP_ULP, 0, 0 },
	{ "options", REFUSES, "TCP_REPAIR", SYS_setsockopt, BAD, IPPROTO_TCP, TCP_REPAIR, 0, 0 },
	{ "options", REFUSES, "UDP_ENCAP", SYS_setsockopt, BAD, IPPROTO_UDP, UDP_ENCAP, 0, 0 },
	{ "options", REFUSES, "IPT_SO_SET_REPLACE", SYS_setsockopt, BAD, IPPROTO_IP, 64, 0, 0 },
	{ "clocks", REFUSES, "clock_settime", SYS_clock_settime, CLOCK_MONOTONIC, BAD, 0, 0, 0 },
	{ "clocks", REFUSES, "settimeofday", SYS_settimeofday, BAD, BAD, 0, 0, 0 },
	{ "clocks", REFUSES, "adjtimex", SYS_adjtimex, BAD, 0, 0, 0, 0 },
	{ "clocks", REFUSES, "clock_adjtime", SYS_clock_adjtime, CLOCK_MONOTONIC, BAD, 0, 0, 0 },
	{ "names", REFUSES, "sethostname", SYS_sethostname, BAD, BAD, 0, 0, 0 },
	{ "names", REFUSES, "setdomainname", SYS_setdomainname, BAD, BAD, 0, 0, 0 },
	{ "gain", REFUSES, "capset", SYS_capset, BAD, BAD, 0, 0, 0 },
	{ "naming", REFUSES, "name_to_handle_at", SYS_name_to_handle_at, BAD, BAD, BAD, BAD, 0 },
	{ "robust", REFUSES, "get_robust_list", SYS_get_robust_list, 0, BAD, BAD, 0, 0 },
	{ "residence", REFUSES, "mincore", SYS_mincore, 1, 4096, BAD, 0, 0 },
	{ "cache", REFUSES, "cachestat", 451, BAD, BAD, BAD, 0, 0 },
	{ "code", REFUSES, "pkey_mprotect", SYS_pkey_mprotect, 1, 1, PROT_EXEC, BAD, 0 },
	{ "filters", REFUSES, "seccomp", SYS_seccomp, 99, 0, 0, 0, 0 },
	{ "filters", REFUSES, "PR_SET_SECCOMP", SYS_prctl, PR_SET_SECCOMP, 99, 0, 0, 0 },
	{ "filters", REFUSES, "landlock_create_ruleset", SYS_landlock_create_ruleset, BAD, 1, 99, 0,
	  0 },
	{ "filters", REFUSES, "landlock_restrict_self", SYS_landlock_restrict_self, BAD, 0, 0, 0,
	  0 },
	{ "pidfds", REFUSES, "pidfd_open", SYS_pidfd_open, BAD, 0, 0, 0, 0 },
	{ "pidfds", REFUSES, "pidfd_send_signal", SYS_pidfd_send_signal, BAD, 0, 0, 0, 0 },
	{ "memfile", REFUSES, "memfd_create", SYS_memfd_create, BAD, 0, 0, 0, 0 },
	{ "memfile", REFUSES, "memfd_secret", 447, BAD, 0, 0, 0, 0 },
	{ "watching", UNLESS_PROGRAMS, "inotify_init1", SYS_inotify_init1, BAD, 0, 0, 0, 0 },
	{ "watching", UNLESS_PROGRAMS, "inotify_add_watch", SYS_inotify_add_watch, BAD, BAD, 0, 0,
	  0 },
	/* By their numbers: headers may not have them, and no filter names them. */
	{ "newer", REFUSES, "map_shadow_stack", 453, BAD, 0, BAD, 0, 0 },
	{ "newer", REFUSES, "statmount", 457, BAD, BAD, 0, BAD, 0 },
	{ "newer", REFUSES, "listmount", 458, BAD, BAD, 0, BAD, 0 },
	{ "newer", REFUSES, "lsm_list_modules", 461, BAD, BAD, BAD, 0, 0 },
	{ "newer", REFUSES, "open_tree_attr", 467, BAD, BAD, BAD, BAD, BAD },
	{ "newer", REFUSES, "not yet invented", 1000, 0, 0, 0, 0, 0 },
#ifdef __x86_64__
	{ "older", REFUSES, "ustat", SYS_ustat, BAD, BAD, 0, 0, 0 },
	{ "older", REFUSES, "sysfs", SYS_sysfs, 99, 0, 0, 0, 0 },
	{ "older", REFUSES, "uselib", SYS_uselib, BAD, 0, 0, 0, 0 },
	{ "older", REFUSES, "_sysctl", SYS__sysctl, BAD, 0, 0, 0, 0 },
#endif
	{ "limits", REFUSES, "prlimit64", SYS_prlimit64, 0x7ffffff0, RLIMIT_NOFILE, 0, 0, 0 },
};

static const char programs_allowed[] = "the plan allows programs";

static long make_call(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return syscall(table[i].number, table[i].a, table[i].b, table[i].c,
				       table[i].d, table[i].e, 0L);
	errno = ENOSYS;
	return -1;
}

static long allowed_call(const char *argument)
{
	(void)argument;
	return syscall(SYS_getpid);
}

static bool can_call(struct probe *p)
{
	struct tried t = probe_try(allowed_call, "");

	if (t.value > 0 && !t.signal)
		return true;
	(void)probe_say(p, PROMISE_UNPROVEN, "getpid: %s", strerror(t.error));
	return false;
}

enum promise_outcome probe_calls(struct probe *p, const char *argument)
{
	int count = 0;

	if (!can_call(p))
		return PROMISE_UNPROVEN;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct call *c = &table[i];

		if (strcmp(c->group, argument) != 0)
			continue;
		if (c->answer == UNLESS_PROGRAMS && p->has_programs)
			return probe_say(p, PROMISE_SKIPPED, programs_allowed);
		struct tried t = probe_try(make_call, c->name);
		bool is_held = t.signal == SIGSYS || (c->answer != ENDS && t.value < 0 &&
						      t.error == EPERM && !t.signal);

		if (!is_held)
			return probe_say(p, PROMISE_BROKEN, "%s: %s", c->name,
					 t.value < 0 ? strerror(t.error) : "let through");
		count++;
	}
	return probe_say(p, count ? PROMISE_HELD : PROMISE_SKIPPED, "%d calls refused", count);
}

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
	if (!can_call(p))
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
	if (!can_call(p))
		return PROMISE_UNPROVEN;
	struct tried t = probe_try(read_cached, argument);

	return probe_judge(p, &t, "preadv2 with RWF_NOWAIT");
}

enum promise_outcome probe_user_namespace(struct probe *p, const char *argument)
{
	if (!can_call(p))
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
		return probe_say(p, PROMISE_SKIPPED, programs_allowed);
	if (!can_call(p))
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
		return probe_say(p, PROMISE_SKIPPED, programs_allowed);
	if (p->has_jit && !is_shared)
		return probe_say(p, PROMISE_SKIPPED, "the plan allows machine code");
	struct tried plain = is_shared ? probe_try(attach_memory, "") : probe_try(map_memory, "");

	if (plain.value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "without code: %s", strerror(plain.error));
	struct tried t = probe_try(is_shared ? attach_memory : map_memory, argument);

	return probe_judge(p, &t, argument);
}
