/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the host's mailer for one message.  Its arguments are fixed but for
 * addresses that were checked; no shell, no variable of ours or of a tenant's.
 */
#ifndef DAEMON_MAIL_MAIL_RUN_H
#define DAEMON_MAIL_MAIL_RUN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "daemon/mail/mail_address.h"

#define MAIL_SAID_MAX 200

struct mail_run {
	struct loop *loop;
	struct loop_watch watch;	/* its pidfd */
	pid_t pid;
	int said;			/* what it prints */
	void (*on_end)(void *owner, int status, const char *said);
	void *owner;
};

/* Starts PROGRAM with the file MESSAGE as its standard input.  on_end is called
 * once, with its wait status. */
int mail_run_start(struct mail_run *r, const char *program, const char *sender,
		   const struct mail_addresses *to, int message, struct err *err);

/* Kills it; on_end follows. */
void mail_run_kill(struct mail_run *r);

#endif
