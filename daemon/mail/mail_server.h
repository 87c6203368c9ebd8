/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of tenant-mail: who they are, what they may, and what becomes of
 * their messages.  A client is an attacker: it may be silent, slow, many, or stop
 * in the middle.  Nothing here waits for one; all is bounded, in time, in number,
 * for each tenant and for all.
 */
#ifndef DAEMON_MAIL_MAIL_SERVER_H
#define DAEMON_MAIL_MAIL_SERVER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"
#include "daemon/mail/mail_counts.h"
#include "schema/settings.h"

#define MAIL_PEERS_MAX 256		/* connections */
#define MAIL_PEERS_OF_ONE 4		/* of one tenant */
#define MAIL_RUNS_MAX 8			/* mailers at the same time */
#define MAIL_RUNS_OF_ONE 2
#define MAIL_HELD_MAX (UINT64_C(256) * 1024 * 1024)	/* bytes of unfinished messages */
#define MAIL_HELD_OF_ONE (MAIL_HELD_MAX / 2)	/* of one tenant */
#define MAIL_HELD_FREE (UINT64_C(256) * 1024)	/* what each may have all the same */
/* This process has no part in a tenant's CPU quota, so how often one can wake it is bounded: after
 * a look at it a connection waits so long for the next, and so does the listener.  A mailer takes
 * longer to start. */
#define MAIL_PAUSE_MS 10
#define MAIL_CALLERS 16			/* in one look */
/* So many messages of one tenant are refused at once in a second; the answers of more wait, and
 * with them the connections that it may have. */
#define MAIL_REFUSALS_PER_S 64
#define MAIL_REFUSED_MS 1000

struct mail_peer;

struct mail_server {
	struct loop loop;
	struct loop_watch listener;
	struct loop_timer pause;	/* of the listener, and of peers */
	struct settings settings;
	const char *run_dir;
	struct mail_counts counts;
	int rules;			/* folder STATE_DIR/mail */
	int logs;			/* folder RUN_DIR/mail/log */
	char host[256];
	struct mail_peer *peers;	/* the longest there first */
	size_t peer_count, run_count;
	uint64_t held;
	bool is_ending;			/* takes no new ones, lets the others end */
};

/* Waits on the listener; the caller runs the loop. */
int mail_server_start(struct mail_server *s, struct err *err);

/* No new messages; those that are whole go on. */
void mail_server_end(struct mail_server *s);

#endif
