/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pool is told: one fixed record on a descriptor, and what it tells
 * back.  The builder fills it; tenant-pool trusts it (it is root's) and trusts
 * nothing else.
 */
#ifndef SCHEMA_POOL_SPEC_H
#define SCHEMA_POOL_SPEC_H

#include <stdint.h>

#include "schema/options.h"

#define POOL_SPEC_MAGIC 0x544e5450u	/* "TNTP" */
#define POOL_TRIAL_MAGIC 0x544e5454u	/* "TNTT": start PHP, report, end; serve nobody */
#define POOL_SPEC_VERSION 2u
#define POOL_PATH_MAX 512
#define REPORT_TEXT_MAX 240

struct pool_spec {
	uint32_t magic, version, size;
	uint32_t number;
	uint32_t uid, gid;
	char site[256];
	char home[POOL_PATH_MAX];	/* the same path inside and outside the jail */
	struct options options;
};

/* Descriptors of tenant-pool, fixed numbers from 3 on. */
enum pool_fd {
	POOL_FD_LISTENER = 3,
	POOL_FD_SPEC,		/* sealed memfd with struct pool_spec */
	POOL_FD_REPORT,		/* SOCK_SEQPACKET to the supervisor */
	POOL_FD_LOG,		/* named pipe towards php.log, nonblocking; 1 and 2 are the same
				 * pipe opened once more, for the workers */
	POOL_FD_FILTER,		/* sealed memfd: struct sock_filter[] of the workers' seccomp */
	POOL_FD_SLOW,		/* the same towards slow.log; or none */
	POOL_FD_ACCESS,		/* the same towards access.log; or none */
	/* Taken by the pool itself: */
	POOL_FD_BOARD,		/* memfd with struct board (schema/pool_board.h), which goes
				 * to the supervisor with READY, or by pidfd_getfd(2) */
	POOL_FD_END
};

/* Messages on POOL_FD_REPORT.  The supervisor treats them as an attacker's:
 * exact size, known kind, rate bounded; they steer nothing but display, except
 * READY, which ends the start, and LEAVING. */
enum pool_report_kind {
	POOL_REPORT_READY = 1,	/* PHP has started, workers can be had */
	POOL_REPORT_FAILED,	/* text says why; exits next */
	POOL_REPORT_LEAVING,	/* idle: will exit with status 0 and accept no more */
	POOL_REPORT_NUMBERS,	/* workers and active, at most once a second */
};

#define STRUCTS_OF "schema/pool_report.def"
#include "schema/structs.def"

/* Signals that the supervisor sends the pool master: SIGQUIT: finish running
 * requests and what waits in the queue, then exit 0 (drain).  SIGKILL: at once. */

#endif
