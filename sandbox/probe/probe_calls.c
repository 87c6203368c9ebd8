/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts to make each call that the worker's filter refuses.  Every row has arguments
 * that do no harm where it is let through: only the filter's own answer counts as refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static long make_call(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return syscall(table[i].number, table[i].a, table[i].b, table[i].c,
				       table[i].d, table[i].e, 0L);
	errno = ENOSYS;
	return -1;
}

enum promise_outcome probe_calls(struct probe *p, const char *argument)
{
	int count = 0;

	if (!probe_can_call(p))
		return PROMISE_UNPROVEN;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct call *c = &table[i];

		if (strcmp(c->group, argument) != 0)
			continue;
		if (c->answer == UNLESS_PROGRAMS && p->has_programs)
			return probe_say(p, PROMISE_SKIPPED, PROBE_PROGRAMS_ALLOWED);
		struct tried t = probe_try(make_call, c->name);
		bool is_held = t.signal == SIGSYS || (c->answer != ENDS && t.value < 0 &&
						      t.error == EPERM && !t.signal);

		if (!is_held)
			return probe_say(p, PROMISE_BROKEN, "%s: %s", c->name,
					 t.value < 0 ? strerror(t.error) : "let through");
		count++;
	}
	return probe_say(p, count ? PROMISE_HELD : PROMISE_SKIPPED, "refused calls: %d", count);
}
