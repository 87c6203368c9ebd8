/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters as programs: each case is one call, run through the compiled
 * filter by a small interpreter, so that arguments can be tried which no child
 * could try without doing harm.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/filters.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define OK SECCOMP_RET_ALLOW
#define NO (SECCOMP_RET_ERRNO | EPERM)
#define NONE (SECCOMP_RET_ERRNO | ENOSYS)
#define DIE SECCOMP_RET_KILL_PROCESS

static struct sock_filter code[4096];

/* Classic BPF as seccomp uses it (Documentation/userspace-api/seccomp_filter.rst). */
static uint32_t interpret(const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; ; pc++) {
		const struct sock_filter *f = &code[pc];
		int is_true = 0;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; continue;
		case BPF_JMP | BPF_JA: pc += f->k; continue;
		case BPF_RET | BPF_K: return f->k;
		case BPF_JMP | BPF_JEQ | BPF_K: is_true = a == f->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: is_true = a > f->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: is_true = a >= f->k; break;
		case BPF_JMP | BPF_JSET | BPF_K: is_true = (a & f->k) != 0; break;
		default: fail_msg("unknown instruction %#x", f->code);
		}
		pc += is_true ? f->jt : f->jf;
	}
}

static size_t load(enum syscalls_filter which, unsigned more)
{
	struct err err = { 0 };
	CLOSE_AT_EXIT int fd = -1;

	assert_int_equal(filters_export(which, more, &fd, &err), 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_GROW),
			 F_SEAL_WRITE | F_SEAL_GROW);
	ssize_t n = read(fd, code, sizeof(code));

	assert_true(n > 0 && n % (ssize_t)sizeof(code[0]) == 0);
	return (size_t)n / sizeof(code[0]);
}

#define NEW(x) CLONE_NEW##x
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define HIGH (UINT64_C(1) << 32)

/* Answers of: the jail's filter, the worker's, the worker's with programs. */
static const struct {
	long nr;
	uint64_t args[3];
	uint32_t jail, worker, programs;
} cases[] = {
	{ SYS_read, { 0 }, OK, OK, OK },
	{ SYS_execve, { 0 }, OK, NO, OK },
	{ SYS_execveat, { 0 }, OK, NO, OK },
	{ SYS_clone, { 17 /* SIGCHLD: a fork */ }, OK, NO, OK },
	{ SYS_clone, { THREAD }, OK, OK, OK },
	{ SYS_clone, { CLONE_VM | CLONE_VFORK | 17 }, OK, NO, OK },
	{ SYS_clone, { THREAD | NEW(USER) }, NO, NO, NO },
	{ SYS_clone, { NEW(USER) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(NS) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(NET) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(PID) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(IPC) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(UTS) | 17 }, NO, NO, NO },
	{ SYS_clone, { NEW(CGROUP) | 17 }, NO, NO, NO },
	{ SYS_clone3, { 0 }, NONE, NONE, NONE },
	{ SYS_unshare, { 0 }, DIE, DIE, DIE },
	{ SYS_setns, { 0 }, DIE, DIE, DIE },
	{ SYS_ptrace, { 0 }, DIE, DIE, DIE },
	{ SYS_bpf, { 0 }, DIE, DIE, DIE },
	{ SYS_keyctl, { 0 }, DIE, DIE, DIE },
	{ SYS_mount, { 0 }, DIE, DIE, DIE },
	{ SYS_open_by_handle_at, { 0 }, DIE, DIE, DIE },
	{ SYS_io_uring_setup, { 0 }, NO, NO, NO },
	{ SYS_io_uring_enter, { 0 }, NO, NO, NO },
	{ SYS_setuid, { 0 }, NO, NO, NO },
	{ SYS_chroot, { 0 }, NO, NO, NO },
	{ SYS_personality, { 0x400000 }, NO, NO, NO },
	{ SYS_syslog, { 0 }, NO, NO, NO },
	{ SYS_quotactl, { 0 }, NO, NO, NO },
	{ SYS_sync, { 0 }, NO, NO, NO },
	{ SYS_syncfs, { 0 }, NO, NO, NO },
	{ SYS_splice, { 0 }, NO, NO, NO },
	{ SYS_vmsplice, { 0 }, NO, NO, NO },
	{ SYS_memfd_create, { 0 }, OK, NO, NO },
	{ SYS_seccomp, { 0 }, OK, NO, NO },
	{ 100000, { 0 }, NO, NO, NO },			/* not yet invented */
	{ SYS_mmap, { 0, 0, PROT_READ | PROT_WRITE }, OK, OK, OK },
	{ SYS_mmap, { 0, 0, PROT_READ | PROT_EXEC }, OK, NO, OK },
	{ SYS_mmap, { 0, 0, PROT_READ | PROT_WRITE | PROT_EXEC }, NO, NO, OK },
	{ SYS_mprotect, { 0, 0, PROT_READ }, OK, OK, OK },
	{ SYS_mprotect, { 0, 0, PROT_READ | PROT_EXEC }, OK, NO, OK },
	{ SYS_mprotect, { 0, 0, HIGH | PROT_EXEC }, OK, NO, OK },
	{ SYS_pkey_mprotect, { 0, 0, PROT_EXEC }, NO, NO, NO },
	{ SYS_remap_file_pages, { 0 }, NO, NO, NO },
	{ SYS_shmat, { 0, 0, 0100000 /* SHM_EXEC */ }, NO, NO, NO },
	{ SYS_shmat, { 0, 0, 0 }, OK, OK, OK },
	{ SYS_ioctl, { 0, TCGETS }, OK, OK, OK },
	{ SYS_ioctl, { 0, TIOCSTI }, NO, NO, NO },
	{ SYS_ioctl, { 0, HIGH | TIOCSTI }, NO, NO, NO },
	{ SYS_ioctl, { 0, TIOCLINUX }, NO, NO, NO },
	{ SYS_ioctl, { 0, 0x40086602 /* FS_IOC_SETFLAGS */ }, NO, NO, NO },
	{ SYS_setsockopt, { 0, SOL_SOCKET, SO_KEEPALIVE }, OK, OK, OK },
	{ SYS_setsockopt, { 0, SOL_SOCKET, SO_RCVTIMEO }, OK, OK, OK },
	{ SYS_setsockopt, { 0, IPPROTO_TCP, 1 /* TCP_NODELAY */ }, OK, OK, OK },
	{ SYS_setsockopt, { 0, IPPROTO_TCP, SO_LINGER /* another one of TCP */ }, OK, OK, OK },
	{ SYS_setsockopt, { 0, SOL_SOCKET, SO_LINGER }, NO, NO, NO },
	{ SYS_setsockopt, { 0, HIGH | SOL_SOCKET, SO_LINGER }, NO, NO, NO },
	{ SYS_setsockopt, { 0, SOL_SOCKET, HIGH | SO_LINGER }, NO, NO, NO },
	{ SYS_setsockopt, { 0, SOL_SOCKET, SO_ATTACH_FILTER }, NO, NO, NO },
	{ SYS_setsockopt, { 0, IPPROTO_TCP, 31 /* TCP_ULP: TLS in the kernel */ }, NO, NO, NO },
	{ SYS_setsockopt, { 0, IPPROTO_TCP, HIGH | 31 }, NO, NO, NO },
	{ SYS_setsockopt, { 0, IPPROTO_UDP, 100 /* UDP_ENCAP: ESP in the kernel */ }, NO, NO, NO },
	{ SYS_setsockopt, { 0, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */ }, NO, NO, NO },
	{ SYS_setsockopt, { 0, IPPROTO_IP, 1 /* IP_TOS */ }, OK, OK, OK },
	{ SYS_setsockopt, { 0, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */ }, OK, OK, OK },
	{ SYS_preadv2, { 0 }, OK, OK, OK },
	{ SYS_get_robust_list, { 0 }, NO, NO, NO },
	{ SYS_fcntl, { 0, F_SETLK }, OK, OK, OK },
	{ SYS_fcntl, { 0, F_SETOWN }, NO, NO, NO },
	{ SYS_fcntl, { 0, F_NOTIFY }, NO, NO, NO },
	{ SYS_fcntl, { 0, F_SETLEASE }, NO, NO, NO },
	{ SYS_socket, { AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0 }, OK, OK, OK },
	{ SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_TCP }, OK, OK, OK },
	{ SYS_socket, { AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0 }, OK, OK, OK },
	{ SYS_socket, { AF_INET, SOCK_RAW, IPPROTO_ICMP }, NO, NO, NO },
	{ SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }, NO, NO, NO },
	{ SYS_socket, { AF_INET, SOCK_STREAM, 132 /* SCTP */ }, NO, NO, NO },
	{ SYS_socket, { AF_INET, SOCK_STREAM, 262 /* MPTCP */ }, NO, NO, NO },
	{ SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, NO, NO, NO },
	{ SYS_socket, { AF_PACKET, SOCK_RAW, 0 }, NO, NO, NO },
	{ SYS_socket, { AF_ALG, SOCK_SEQPACKET, 0 }, NO, NO, NO },
	{ SYS_socket, { AF_VSOCK, SOCK_STREAM, 0 }, NO, NO, NO },
	{ SYS_socket, { HIGH | AF_NETLINK, SOCK_RAW, 0 }, NO, NO, NO },
	{ SYS_socketpair, { AF_UNIX, SOCK_SEQPACKET, 0 }, OK, OK, OK },
	{ SYS_socketpair, { AF_INET, SOCK_STREAM, 0 }, NO, NO, NO },
	{ SYS_prctl, { PR_SET_NAME }, OK, OK, OK },
	{ SYS_prctl, { PR_SET_DUMPABLE, 0 }, OK, OK, OK },
	{ SYS_prctl, { PR_SET_DUMPABLE, 1 }, NO, NO, NO },
	{ SYS_prctl, { PR_SET_SECCOMP }, OK, NO, NO },
	{ SYS_prctl, { PR_SET_MM }, NO, NO, NO },
	{ SYS_prctl, { PR_CAP_AMBIENT }, NO, NO, NO },
	{ SYS_prlimit64, { 0, 7 }, OK, OK, OK },
	{ SYS_prlimit64, { 1, 7 }, NO, NO, NO },
	{ SYS_mknodat, { 0, 0, S_IFIFO | 0600 }, OK, OK, OK },
	{ SYS_mknodat, { 0, 0, S_IFCHR | 0600 }, NO, NO, NO },
	{ SYS_mknodat, { 0, 0, S_IFBLK | 0600 }, NO, NO, NO },
};

static void check(enum syscalls_filter which, bool with_programs, uint32_t arch)
{
	(void)load(which, with_programs ? SYSCALLS_PROGRAMS : 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_data d = { .nr = (int)cases[i].nr, .arch = arch };
		uint32_t want = arch != ARCH ? DIE : which == SYSCALLS_JAIL ? cases[i].jail :
				with_programs ? cases[i].programs : cases[i].worker;

		for (int a = 0; a < 3; a++)
			d.args[a] = cases[i].args[a];
		uint32_t have = interpret(&d);

		if (have != want)
			fail_msg("case %zu, call %d: %#x, not %#x", i, d.nr, have, want);
	}
}

static void jail(void **state)
{
	(void)state;
	check(SYSCALLS_JAIL, false, ARCH);
}

static void worker(void **state)
{
	(void)state;
	check(SYSCALLS_WORKER, false, ARCH);
}

static void worker_with_programs(void **state)
{
	(void)state;
	check(SYSCALLS_WORKER, true, ARCH);
}

static void jit_is_about_memory_alone(void **state)
{
	(void)state;
	for (int which = SYSCALLS_JAIL; which <= SYSCALLS_WORKER; which++) {
		(void)load((enum syscalls_filter)which, SYSCALLS_JIT);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct seccomp_data d = { .nr = (int)cases[i].nr, .arch = ARCH };
			bool is_memory = d.nr == SYS_mmap || d.nr == SYS_mprotect;
			uint32_t want = which == SYSCALLS_JAIL ? cases[i].jail : cases[i].worker;

			for (int a = 0; a < 3; a++)
				d.args[a] = cases[i].args[a];
			assert_int_equal(interpret(&d), is_memory ? OK : want);
		}
	}
}

static void other_tables_are_deadly(void **state)
{
	(void)state;
	check(SYSCALLS_JAIL, false, AUDIT_ARCH_I386);
#if defined(__x86_64__)
	/* x32: the same architecture, another table, marked by a bit. */
	struct seccomp_data d = { .nr = 0x40000000, .arch = ARCH };

	assert_int_equal(interpret(&d), DIE);
#endif
}

/* Whatever a worker may do must pass the jail's filter as well: both run. */
static void compare_filters(bool with_programs)
{
	static uint32_t jails[600], workers[600];
	int allowed = 0;

	for (int pass = 0; pass < 2; pass++) {
		(void)load(pass ? SYSCALLS_WORKER : SYSCALLS_JAIL,
			   with_programs ? SYSCALLS_PROGRAMS : 0);
		for (int nr = 0; nr < 600; nr++) {
			struct seccomp_data d = { .nr = nr, .arch = ARCH };

			(pass ? workers : jails)[nr] = interpret(&d);
		}
	}
	for (int nr = 0; nr < 600; nr++) {
		allowed += workers[nr] == OK;
		if (workers[nr] == OK)
			assert_int_equal(jails[nr], OK);
	}
	assert_in_range(allowed, 150, 260);
}

static void worker_is_within_jail(void **state)
{
	(void)state;
	compare_filters(false);
	compare_filters(true);
}

static void is_small_enough(void **state)
{
	(void)state;
	assert_true(load(SYSCALLS_JAIL, 0) < BPF_MAXINSNS);
	assert_true(load(SYSCALLS_WORKER, SYSCALLS_PROGRAMS) < BPF_MAXINSNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jail),
		cmocka_unit_test(worker),
		cmocka_unit_test(worker_with_programs),
		cmocka_unit_test(jit_is_about_memory_alone),
		cmocka_unit_test(other_tables_are_deadly),
		cmocka_unit_test(worker_is_within_jail),
		cmocka_unit_test(is_small_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
