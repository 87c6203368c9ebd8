/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling syscalls.def with libseccomp.  Integers that the kernel takes as
 * 32 bits are compared in their low 32 bits: the kernel does not look at the
 * rest, so an exact comparison could be led astray, a masked one cannot.
 */
#include "sandbox/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

#define LOW UINT64_C(0xffffffff)

enum group { GROUP_ALL, GROUP_PROGRAMS, GROUP_JAIL, GROUP_NOSYS, GROUP_KILL };

/* What a rule function sees: it adds SCMP_ACT_ALLOW rules for CALL. */
struct build {
	scmp_filter_ctx filter;
	int call;
	bool is_worker;
	bool with_programs;
	bool with_jit;
};

static int allow(const struct build *b, unsigned count, const struct scmp_arg_cmp *args)
{
	return seccomp_rule_add_array(b->filter, SCMP_ACT_ALLOW, b->call, count, args);
}

/* Argument ARG, as 32 bits, is one of VALUES. */
static int allow_values(const struct build *b, unsigned arg, const uint32_t *values, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = allow(b, 1, &SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, LOW, values[i]));
	return rc;
}

/* Of the bits MASK of argument ARG exactly BITS are set. */
static int allow_bits(const struct build *b, unsigned arg, uint64_t mask, uint64_t bits)
{
	return allow(b, 1, &SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, bits));
}

static int rule_any(const struct build *b)
{
	return allow(b, 0, NULL);
}

static int rule_clone(const struct build *b)
{
	const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

	if (b->is_worker && !b->with_programs)
		return allow_bits(b, 0, namespaces | CLONE_THREAD, CLONE_THREAD);
	return allow_bits(b, 0, namespaces, 0);
}

/* Nothing executable where scripts run: what an attacker brings along as data
 * cannot become code.  Before, nothing writable and executable at once.  A JIT needs
 * what the jail's filter would refuse, too, since the worker's lies on top of it. */
static int rule_mmap(const struct build *b)
{
	if (b->with_programs || b->with_jit)
		return rule_any(b);
	if (b->is_worker)
		return allow_bits(b, 2, PROT_EXEC, 0);
	int rc = allow_bits(b, 2, PROT_EXEC, 0);

	return rc ? rc : allow_bits(b, 2, PROT_EXEC | PROT_WRITE, PROT_EXEC);
}

static int rule_shmat(const struct build *b)
{
	return allow_bits(b, 2, SHM_EXEC, 0);
}

static int rule_prlimit(const struct build *b)
{
	return allow_bits(b, 0, LOW, 0);
}

static int rule_mknod(const struct build *b)
{
	return allow_bits(b, 1, S_IFMT, S_IFIFO);
}

static int rule_mknodat(const struct build *b)
{
	return allow_bits(b, 2, S_IFMT, S_IFIFO);
}

static int rule_fcntl(const struct build *b)
{
	static const uint32_t commands[] = {
		F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
		F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GETPIPE_SZ, F_GET_SEALS,
		F_ADD_SEALS,
	};

	return allow_values(b, 1, commands, ARRAY_SIZE(commands));
}

static int rule_ioctl(const struct build *b)
{
	static const uint32_t requests[] = {
		TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, SIOCOUTQ,
	};

	return allow_values(b, 1, requests, ARRAY_SIZE(requests));
}

static int rule_prctl(const struct build *b)
{
	/* 53564d41: PR_SET_VMA, names of mappings; 65: PR_SET_MDWE. */
	static const uint32_t options[] = {
		PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
		PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ, PR_GET_SECCOMP,
		PR_GET_SECUREBITS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, 0x53564d41, 65,
	};
	int rc = allow_values(b, 0, options, ARRAY_SIZE(options));

	/* Dumpable may be turned off, never on again. */
	if (rc == 0)
		rc = allow(b, 2, (struct scmp_arg_cmp[]){
			SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, LOW, PR_SET_DUMPABLE),
			SCMP_CMP64(1, SCMP_CMP_EQ, 0, 0) });
	if (rc == 0 && !b->is_worker)
		rc = allow_values(b, 0, (const uint32_t[]){ PR_SET_SECCOMP }, 1);
	return rc;
}

/* The second argument's low bits are the type, the high ones flags. */
static int allow_socket(const struct build *b, uint32_t family, uint32_t type, uint32_t protocol)
{
	return allow(b, 3, (struct scmp_arg_cmp[]){
		SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, LOW, family),
		SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xf, type),
		SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, LOW, protocol) });
}

static int rule_socketpair(const struct build *b)
{
	static const uint32_t types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(types); i++)
		rc = allow_socket(b, AF_UNIX, types[i], 0);
	return rc;
}

static int rule_socket(const struct build *b)
{
	static const struct { uint32_t type, protocol; } inet[] = {
		{ SOCK_STREAM, 0 }, { SOCK_STREAM, IPPROTO_TCP },
		{ SOCK_DGRAM, 0 }, { SOCK_DGRAM, IPPROTO_UDP },
	};
	int rc = rule_socketpair(b);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(inet); i++) {
		rc = allow_socket(b, AF_INET, inet[i].type, inet[i].protocol);
		if (rc == 0)
			rc = allow_socket(b, AF_INET6, inet[i].type, inet[i].protocol);
	}
	return rc;
}

/* Of each level only what clients of HTTP, databases and name servers set. */
static int allow_options(const struct build *b, uint32_t level, const uint32_t *options,
			 size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = allow(b, 2, (struct scmp_arg_cmp[]){
			SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, LOW, level),
			SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, LOW, options[i]) });
	return rc;
}

/* No SO_LINGER: with it the last close of a socket waits for the other end, and
 * the last close can be the supervisor's, to whom a pool may pass descriptors.  No
 * SO_ATTACH_*: programs for the kernel.  No TCP_ULP or UDP_ENCAP: TLS and ESP
 * inside the kernel; no TCP_REPAIR, no tables of netfilter or multicast. */
static int rule_setsockopt(const struct build *b)
{
	static const uint32_t socket[] = {
		SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_DONTROUTE, SO_BROADCAST, SO_OOBINLINE,
		SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_SNDTIMEO, SO_PASSCRED,
		SO_PRIORITY, SO_BINDTODEVICE, SO_TIMESTAMP,
	};
	static const uint32_t tcp[] = {
		TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
		TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_QUICKACK,
		TCP_CONGESTION, TCP_USER_TIMEOUT, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT,
		TCP_NOTSENT_LOWAT,
	};
	static const uint32_t udp[] = { UDP_CORK, UDP_SEGMENT, UDP_GRO };
	static const uint32_t ip[] = {
		IP_TOS, IP_TTL, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR, IP_RECVTTL, IP_RECVTOS,
		IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT, IP_MULTICAST_IF, IP_MULTICAST_TTL,
		IP_MULTICAST_LOOP,
	};
	static const uint32_t ipv6[] = {
		IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS,
		IPV6_MULTICAST_LOOP, IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_RECVPKTINFO,
		IPV6_RECVHOPLIMIT, IPV6_TCLASS, IPV6_RECVTCLASS, IPV6_DONTFRAG,
	};
	const struct { uint32_t level; const uint32_t *options; size_t count; } levels[] = {
		{ SOL_SOCKET, socket, ARRAY_SIZE(socket) }, { IPPROTO_TCP, tcp, ARRAY_SIZE(tcp) },
		{ IPPROTO_UDP, udp, ARRAY_SIZE(udp) }, { IPPROTO_IP, ip, ARRAY_SIZE(ip) },
		{ IPPROTO_IPV6, ipv6, ARRAY_SIZE(ipv6) },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(levels); i++)
		rc = allow_options(b, levels[i].level, levels[i].options, levels[i].count);
	return rc;
}

/* Whether a read would have to wait for the disk tells what others have read of a
 * file that all share. */
static int rule_preadv2(const struct build *b)
{
	return allow_bits(b, 5, RWF_NOWAIT, 0);
}

static const struct row {
	const char *name;
	enum group group;
	int (*rule)(const struct build *b);
} rows[] = {
#define SYSCALL(name, group, why) { #name, GROUP_##group, rule_any },
#define CHECKED(name, group, rule, why) { #name, GROUP_##group, rule_##rule },
#include "sandbox/syscalls.def"
#undef SYSCALL
#undef CHECKED
};

static int add_row(struct build *b, const struct row *r)
{
	b->call = seccomp_syscall_resolve_name(r->name);
	if (b->call == __NR_SCMP_ERROR || b->call < 0)
		return 0;	/* not on this architecture, or newer than libseccomp */
	int (*rule)(const struct build *) = mutant_is_off("seccomp-arguments") ? rule_any :
					    r->rule;

	/* libseccomp refuses rules that say what the default says. */
	if (mutant_is_off("seccomp-default") && r->group != GROUP_KILL)
		return 0;
	switch (r->group) {
	case GROUP_ALL:
		return rule(b);
	case GROUP_PROGRAMS:
		return b->is_worker && !b->with_programs ? 0 : rule(b);
	case GROUP_JAIL:
		return b->is_worker ? 0 : rule(b);
	case GROUP_NOSYS:
		return seccomp_rule_add(b->filter, SCMP_ACT_ERRNO(ENOSYS), b->call, 0);
	case GROUP_KILL:
		return mutant_is_off("seccomp-kill") ? 0 :
		       seccomp_rule_add(b->filter, SCMP_ACT_KILL_PROCESS, b->call, 0);
	}
	return -EINVAL;
}

static int compile(struct build *b, struct err *err)
{
	bool is_open = mutant_is_off("seccomp-default");
	const char *at = "start";
	int rc;

	b->filter = seccomp_init(is_open ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	rc = b->filter ? 0 : -ENOMEM;
	/* Other system call tables of the machine (i386, x32) have other numbers. */
	if (rc == 0)
		rc = seccomp_attr_set(b->filter, SCMP_FLTATR_ACT_BADARCH,
				      mutant_is_off("seccomp-arch") ? SCMP_ACT_ALLOW :
				      SCMP_ACT_KILL_PROCESS);
	/* A balanced tree: 1 us a request, not 3 (measured). */
	if (rc == 0)
		rc = seccomp_attr_set(b->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(rows); i++) {
		at = rows[i].name;
		rc = add_row(b, &rows[i]);
	}
	errno = -rc;
	return rc == 0 ? 0 : err_sys(err, "compile the system call filter at '%s'", at);
}

static int export(const struct build *b, int *out_fd, struct err *err)
{
	CLOSE_AT_EXIT int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "make memfd 'filter'");
	int rc = seccomp_export_bpf(b->filter, fd);

	if (rc < 0) {
		errno = -rc;
		return err_sys(err, "export the system call filter");
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "go to the start of memfd 'filter'");
	*out_fd = fd_take(&fd);
	return 0;
}

int syscalls_compile(enum syscalls_filter which, unsigned more, int *out_fd, struct err *err)
{
	struct build b = { .is_worker = which == SYSCALLS_WORKER &&
					!mutant_is_off("worker-filter"),
			   .with_programs = more & SYSCALLS_PROGRAMS,
			   .with_jit = more & SYSCALLS_JIT };
	int rc = compile(&b, err);

	if (rc == 0)
		rc = export(&b, out_fd, err);
	if (b.filter)
		seccomp_release(b.filter);
	return rc;
}
