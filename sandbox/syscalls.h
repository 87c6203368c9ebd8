/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two seccomp filters (seccomp(2)), both from syscalls.def.  The jail's
 * filter allows what starting needs, the worker's is loaded on top of it when
 * PHP has started; the kernel runs both and takes the harder answer.
 * A call in no row gets EPERM, so that PHP degrades to a warning; one that
 * only an attacker makes ends the process.
 */
#ifndef SANDBOX_SYSCALLS_H
#define SANDBOX_SYSCALLS_H

#include "base/err.h"

enum syscalls_filter {
	SYSCALLS_JAIL,		/* the pool master and what starting needs */
	SYSCALLS_WORKER,	/* where tenants' scripts run */
};

/* What a plan allows beyond that; bits. */
enum syscalls_more {
	SYSCALLS_PROGRAMS = 1,	/* workers may fork, exec, and map code */
	SYSCALLS_JIT = 2,	/* memory may be writable and executable */
	SYSCALLS_MORES = 4,	/* how many combinations there are */
};

/* Compiles a filter: struct sock_filter[] in a memfd that stands at its start
 * and is the caller's.  MORE: bits of enum syscalls_more. */
int syscalls_compile(enum syscalls_filter which, unsigned more, int *out_fd, struct err *err);

#endif
