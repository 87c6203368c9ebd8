/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who changes anything.  A thread takes requests from a bounded queue, those of one site
 * in their order; in between it reconciles, keeps the link to the supervisor, and does
 * what is due daily.
 *
 * Changes of different sites wait for the root side at the same time, each in a hand of
 * its own with its own link, so that nginx reads all sites once for several of them.  What
 * they do here they do one at a time, under one lock, which is open only while the root
 * side works.  Whatever may concern several sites is done while no hand is busy: plans,
 * restore, repair, reconciling.  There is one database connection that writes.
 */
#ifndef DAEMON_CONTROL_CHANGER_H
#define DAEMON_CONTROL_CHANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/control/body.h"
#include "daemon/control/envelope.h"
#include "daemon/control/reconcile.h"
#include "daemon/control/settings_now.h"

#define CHANGER_QUEUE 32	/* that wait */
#define CHANGER_HANDS 8		/* changes at a time */

struct changer;

/* A request that waits.  The caller's until changer_submit(), the changer's
 * until it calls done(), which may come before submit returns. */
struct changer_job {
	struct change change;
	struct answer answer;
	void (*done)(struct changer_job *job);
	void *owner;
};

/* Starts the thread.  SETTINGS are borrowed; STORE is taken, also on an error. */
int changer_start(struct settings_now *settings, struct store *store, struct changer **out,
		  struct err *err);

/* Finishes what runs, answers what waits with an error, and ends the thread. */
void changer_stop(struct changer *c);

/* ERR_BUSY if the queue is full or the program is ending; then the job stays
 * the caller's. */
int changer_submit(struct changer *c, struct changer_job *job, struct err *err);

/* What the last pass found.  At most ROOM strangers are copied, *out_count is
 * how many there are. */
struct changer_report {
	bool is_connected;
	bool is_reconciled;	/* nothing waits for the next pass */
	uint32_t waiting;	/* requests */
	uint32_t stranger_count;
};
void changer_report(struct changer *c, struct changer_report *out, struct stranger *strangers,
		    uint32_t room);

#endif
