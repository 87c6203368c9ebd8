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

#include <stdbool.h>
#include <seccomp.h>

#include "base/err.h"

enum syscalls_filter {
	SYSCALLS_JAIL,		/* the pool master and what starting needs */
	SYSCALLS_WORKER,	/* where tenants' scripts run */
};

/* Compiles a filter.  with_programs: workers may fork, exec, and map code.
 * The context is the caller's (seccomp_release). */
int syscalls_compile(enum syscalls_filter which, bool with_programs, scmp_filter_ctx *out,
		     struct err *err);

/* The filter as struct sock_filter[] in a sealed memfd, the caller's. */
int syscalls_export(scmp_filter_ctx filter, int *out_fd, struct err *err);

#endif
