/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters of syscalls.h as the programs that the kernel runs.  They depend on
 * nothing that is known only when a jail starts, so the build compiles them
 * (filters_main.c): a start spends no time on that, and no library that compiles
 * is in a process of root's.
 */
#ifndef SANDBOX_FILTERS_H
#define SANDBOX_FILTERS_H

#include "base/err.h"
#include "sandbox/syscalls.h"

/* The filter as struct sock_filter[] in a sealed memfd, the caller's. */
int filters_export(enum syscalls_filter which, unsigned more, int *out_fd, struct err *err);

/* Puts the process behind it, for good, and sets no_new_privs. */
int filters_load(enum syscalls_filter which, unsigned more, struct err *err);

#endif
