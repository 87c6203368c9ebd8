/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way in which the supervisor starts a program: a fresh process with
 * exactly these descriptors, no signal mask, no environment, and a pidfd.
 */
#ifndef DAEMON_SUPERVISOR_SPAWN_H
#define DAEMON_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/supervisor/place.h"

#define SPAWN_ARGUMENTS_MAX 6

struct spawn {
	const char *program;		/* in the libexec folder */
	const char *arguments[SPAWN_ARGUMENTS_MAX];	/* after argv[0]; NULL-terminated */
	const int *fds;			/* become 3, 4 ... */
	size_t fd_count;
	int output;			/* becomes 1 and 2; -1: 1 is /dev/null, 2 ours */
	uint64_t namespaces;		/* CLONE_NEW* */
	int cgroup;			/* folder of a v2 group to start in, or -1 */
	bool is_user;			/* becomes uid, gid = uid, without capabilities */
	uid_t uid;
	bool is_tied;			/* dies when the supervisor dies */
	int listeners;			/* so many of fds are told as LISTEN_FDS */
};

/* Both outputs are the caller's; *out_pidfd is close-on-exec. */
int spawn(const struct place *p, const struct spawn *s, pid_t *out_pid, int *out_pidfd,
	  struct err *err);

/* What a child is given to speak to us: messages, each whole.  Our end does not block;
 * both are the caller's. */
int spawn_channel(int *out_ours, int *out_theirs, struct err *err);

/* A pipe: on the one to tenant-jail, the go byte.  Both ends are the caller's. */
int spawn_pipe(int *out_reads, int *out_writes, struct err *err);

/* How a process ended. */
struct spawn_end {
	bool is_known;		/* false: not our child (adopted), nothing is known */
	bool is_signal;
	int status;		/* exit status, or the signal's number */
};

/* Reaps what a readable pidfd stands for. */
void spawn_reap(int pidfd, struct spawn_end *out);

/* "ended with status 3", "was killed by signal 9 (Killed)". */
#define SPAWN_END_TEXT 96
void spawn_end_text(const struct spawn_end *end, char out[SPAWN_END_TEXT]);

#endif
