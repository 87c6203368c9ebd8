/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps into the jail, in order.  The order is an argument: each step says
 * why it stands where it stands.  sandbox/README.md tells it at length.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "sandbox/filters.h"
#include "sandbox/jail.h"
#include "schema/errors.h"

/* All that the steps below need of root's power. */
static const cap_value_t needed[] = {
	CAP_SYS_ADMIN,			/* namespaces, mounts, names, memfd_noexec */
	CAP_NET_ADMIN,			/* the loopback; the socket by which the link is made */
	CAP_SYS_RESOURCE,		/* open files above the supervisor's own limit */
	CAP_SETPCAP,			/* the bounding set and the secure bits */
	CAP_SETUID, CAP_SETGID,		/* the tenant's identity */
};

static int step_privileges(struct jail *j, struct err *err)
{
	(void)j;
	if (mutant_is_off("privileges"))
		return 0;
	return caps_keep(needed, ARRAY_SIZE(needed), err);
}

/* The kernel's own layout (rt_sigaction(2)), not glibc's. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define KERNEL_SIGNALS 64
#define KERNEL_SIGSET_SIZE 8

/* What is inherited from the supervisor and would reach into the jail. */
static int step_inherited(struct jail *j, struct err *err)
{
	const uint64_t none = 0;
	const struct kernel_sigaction usual = { 0 };	/* SIG_DFL */

	(void)j;
	if (mutant_is_off("inherited"))
		return 0;
	(void)umask(022);
	/* By the bare calls: glibc's leave out the two signals that it uses itself,
	 * and a parent may have ignored or blocked these as well. */
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_SIZE) < 0)
		return err_sys(err, "unblock signals");
	for (int s = 1; s <= KERNEL_SIGNALS; s++)	/* refuses KILL and STOP: as they were */
		(void)syscall(SYS_rt_sigaction, s, &usual, NULL, KERNEL_SIGSET_SIZE);
	/* READ_IMPLIES_EXEC and a fixed address layout are inherited, too. */
	if (personality(PER_LINUX) < 0)
		return err_sys(err, "reset the personality");
	if (setsid() < 0 && errno != EPERM)	/* EPERM: it leads a session already */
		return err_sys(err, "begin a session");
	if (!mutant_is_off("close-range") &&
	    close_range(JAIL_FD_NET, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(err, "mark descriptors");
	return 0;
}

static unsigned allowed_more(const struct jail *j)
{
	return (j->spec->flags & SPEC_PROGRAMS ? SYSCALLS_PROGRAMS : 0) |
	       (j->spec->flags & SPEC_JIT ? SYSCALLS_JIT : 0);
}

static int step_filters(struct jail *j, struct err *err)
{
	return filters_export(SYSCALLS_WORKER, allowed_more(j), &j->worker_filter, err);
}

int jail_write_proc(const char *path, const char *value, bool is_optional, struct err *err)
{
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == EROFS) && is_optional)
		return 0;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return err_sys(err, "write '%s' to '%s'", value, path);
	return 0;
}

static int step_kernel(struct jail *j, struct err *err)
{
	char score[16];

	(void)j;
	(void)str_format(score, sizeof(score), "%d", JAIL_OOM_SCORE);
	/* Of this pid namespace: no file in memory can ever be executed (6.3).  A
	 * second wall: workers have no memfd_create, and some units have /proc/sys
	 * read-only. */
	if (!mutant_is_off("memfd-noexec") &&
	    !mutant_is_off("pid-ns") &&		/* or it would be the host's */
	    jail_write_proc("/proc/sys/vm/memfd_noexec", "2", true, err) < 0)
		return -1;
	return mutant_is_off("oom-score") ? 0 :
	       jail_write_proc("/proc/self/oom_score_adj", score, false, err);
}

static int step_namespaces(struct jail *j, struct err *err)
{
	(void)j;
	int flags = CLONE_NEWNS | CLONE_NEWUTS;

	flags |= mutant_is_off("ipc-ns") ? 0 : CLONE_NEWIPC;
	flags |= mutant_is_off("cgroup-ns") ? 0 : CLONE_NEWCGROUP;
	flags |= mutant_is_off("net-ns") ? 0 : CLONE_NEWNET;
	if (unshare(flags) < 0)
		return err_sys(err, "unshare the namespaces");
	return 0;
}

static int step_names(struct jail *j, struct err *err)
{
	if (mutant_is_off("host-name"))
		return 0;
	if (sethostname(j->spec->hostname, strlen(j->spec->hostname)) < 0)
		return err_sys(err, "set the host name");
	if (setdomainname("(none)", strlen("(none)")) < 0)
		return err_sys(err, "set the domain name");
	return 0;
}

static int step_payload(struct jail *j, struct err *err)
{
	j->payload = fd_sealed("payload", j->spec->payload, j->spec->payload_size, err);
	return j->payload < 0 ? -1 : 0;
}

static int step_limits(struct jail *j, struct err *err)
{
	/* Not RLIMIT_NPROC: it counts by uid over overlapping generations and
	 * cannot follow a live change; the pids controller does both. */
	const struct { int which; const char *name; uint64_t most; } limits[] = {
		{ RLIMIT_NOFILE, "open files", j->spec->limits.open_files },
		/* 1, not 0: only 1 also keeps the kernel from starting the host's
		 * crash handler (core(5), core_pattern with a pipe) as root. */
		{ RLIMIT_CORE, "core", 1 },
		{ RLIMIT_MEMLOCK, "locked memory", JAIL_LOCKED_MEMORY },
		{ RLIMIT_MSGQUEUE, "message queues", 0 },
		{ RLIMIT_SIGPENDING, "queued signals", JAIL_QUEUED_SIGNALS },
		{ RLIMIT_NICE, "nice", 0 },
		{ RLIMIT_RTPRIO, "real time", 0 },
	};

	if (mutant_is_off("rlimits"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		__rlimit_resource_t which = (__rlimit_resource_t)limits[i].which;
		struct rlimit want = { limits[i].most, limits[i].most };
		struct rlimit now;

		if (getrlimit(which, &now) < 0)
			return err_sys(err, "read the limit of %s", limits[i].name);
		/* Only open files are worth more than what we have ourselves, and
		 * containers have no CAP_SYS_RESOURCE: then what there is. */
		if (want.rlim_max > now.rlim_max &&
		    (which != RLIMIT_NOFILE || setrlimit(which, &want) < 0))
			want.rlim_cur = want.rlim_max = now.rlim_max;
		if (setrlimit(which, &want) < 0)
			return err_sys(err, "set the limit of %s", limits[i].name);
	}
	return 0;
}

/* The fixed numbers of the program; all else is close-on-exec already. */
static int step_descriptors(struct jail *j, struct err *err)
{
	CLOSE_AT_EXIT int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int high = fcntl(j->program, F_DUPFD_CLOEXEC, 16);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return err_sys(err, "open '/dev/null'");
	if (high < 0)
		return err_sys(err, "move the program's descriptor");
	fd_close(&j->program);
	j->program = high;
	const int given[] = { JAIL_FD_LISTENER, j->payload, JAIL_FD_REPORT, JAIL_FD_LOG,
			      j->worker_filter, JAIL_FD_SLOW, JAIL_FD_ACCESS };

	if (fd_place(given, ARRAY_SIZE(given), JAIL_FD_LISTENER) < 0)
		return err_sys(err, "place the descriptors");
	fd_close(&j->payload);
	fd_close(&j->worker_filter);
	return 0;
}

static int step_identity(struct jail *j, struct err *err)
{
	/* Whatever happens later, no exec and no change of ids brings a
	 * capability back, and nobody can unset this. */
	const unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (mutant_is_off("identity"))
		return 0;
	if (cap_reset_ambient() < 0)
		return err_sys(err, "clear ambient capabilities");
	if (prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) < 0)
		return err_sys(err, "lock the secure bits");
	return caps_drop_to(j->spec->uid, j->spec->gid, err);
}

/* The kernel's answer is believed, not the calls' return values. */
static int step_check(struct jail *j, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	uid_t uid[3];
	gid_t gid[3];

	if (mutant_is_off("identity"))
		return 0;
	if (syscall(SYS_capget, &head, data) < 0 || getresuid(&uid[0], &uid[1], &uid[2]) < 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return err_sys(err, "read identity and capabilities");
	for (int i = 0; i < 3; i++)
		if (uid[i] != j->spec->uid || gid[i] != j->spec->gid)
			return err_set(err, ERR_JAIL, "still user %u, group %u", uid[i], gid[i]);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return err_set(err, ERR_JAIL, "a capability is left");
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return err_set(err, ERR_JAIL, "capability %d is left in the bounding set",
				       cap);
	if (getgroups(0, NULL) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(err, ERR_JAIL, "a group is left or no_new_privs is not set");
	if (setuid(0) == 0 || setgid(0) == 0 || getuid() == 0)
		return err_set(err, ERR_JAIL, "the way back to root is open");
	return 0;
}

static int step_keyring(struct jail *j, struct err *err)
{
	(void)j;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return err_sys(err, "join a new session keyring");
	return 0;
}

static int step_seccomp(struct jail *j, struct err *err)
{
	return filters_load(SYSCALLS_JAIL, allowed_more(j), err);
}

static const struct step {
	const char *name;
	int (*enter)(struct jail *j, struct err *err);
	const char *why_here;
} steps[] = {
	{ "privileges", step_privileges, "first: what is not there cannot be misused below" },
	{ "inherited", step_inherited, "before anything is made that a mask or limit would shape" },
	{ "filters", step_filters, "fails cheaply, and needs more calls than are left later" },
	{ "payload", step_payload, "as filters" },
	{ "kernel", step_kernel, "while /proc of the host is there and root may write it" },
	{ "namespaces", step_namespaces, "after the groups: the cgroup namespace begins there" },
	{ "names", step_names, "in the new uts namespace, while root" },
	{ "network", jail_net_begin, "in the new network namespace, while root; others work on "
				     "the link while the steps below run" },
	{ "root", jail_root_make, "in the new mount namespace, while host paths are there" },
	{ "hide", jail_hide, "when programs, and the device that covers some, are mounted" },
	{ "etc", jail_etc_make, "before the root becomes read-only" },
	{ "pivot", jail_root_enter, "when all is mounted: from here no host path exists" },
	{ "link", jail_net_end, "as late as can be, and before anything of the tenant's runs" },
	{ "descriptors", step_descriptors, "the last use of host descriptors is over" },
	{ "limits", step_limits, "after the steps that open and lock, before the tenant's uid" },
	{ "identity", step_identity, "after all that needs root; from here no way back" },
	{ "check", step_check, "while nothing of the tenant's has run" },
	{ "keyring", step_keyring, "as the tenant, so that it is the tenant's key and quota" },
	{ "landlock", jail_wall, "needs no_new_privs, and the final tree" },
	{ "seccomp", step_seccomp, "last: it forbids all of the above" },
};

int jail_enter(struct jail *j, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].enter(j, err) < 0)
			return err_wrap(err, "jail, step '%s'", steps[i].name);
	return 0;
}
