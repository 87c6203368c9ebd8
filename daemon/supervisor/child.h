/* SPDX-License-Identifier: Apache-2.0 */
/* A helper program under supervision: reaped by its pidfd, killed when late. */
#ifndef DAEMON_SUPERVISOR_CHILD_H
#define DAEMON_SUPERVISOR_CHILD_H

#include "daemon/supervisor/backoff.h"
#include "daemon/supervisor/spawn.h"

struct child {
	struct place *place;
	pid_t pid;		/* 0 while none runs */
	int pidfd;
	bool is_late;		/* it was killed because its time was over */
	struct loop_watch watch;
	struct loop_timer deadline;
	void (*on_end)(void *owner, const struct spawn_end *end);
	void *owner;
};

/* Sets up an idle one; on_end is called once for each start. */
void child_init(struct child *c, struct place *p,
		void (*on_end)(void *owner, const struct spawn_end *end), void *owner);

/* Starts the program; past DEADLINE_MS it is killed (0: it may run for ever).
 * Refuses while one runs. */
int child_start(struct child *c, const struct spawn *s, int64_t deadline_ms, struct err *err);

/* How long to wait before a program of our own is started again, after it ran
 * this long: as backoff_next(), but never long, since administrators wait for it. */
#define CHILD_WAIT_MAX_MS 4000
int64_t child_wait(struct backoff *b, int64_t ran_ms);

/* Signals it, if it runs. */
void child_signal(struct child *c, int sig);

#endif
