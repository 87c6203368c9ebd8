/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that answer the requests which only read, so that the HTTP thread
 * never waits for the database, the supervisor or a program.  Each has a
 * database connection and a link of its own.  What may take seconds goes
 * through a lane of its own and never keeps the rest waiting.
 */
#ifndef DAEMON_CONTROL_READERS_H
#define DAEMON_CONTROL_READERS_H

#include "daemon/control/read.h"

#define READERS_QUEUE 64	/* requests that may wait, in each lane */

struct readers;

/* A request that waits.  The caller's until readers_submit(), the threads' until
 * one calls done(), which may come before submit returns. */
struct reader_job {
	struct route route;
	struct answer answer;
	bool is_log;			/* the answer is a stream of this log */
	struct log_request log;
	void (*done)(struct reader_job *job);
	void *owner;
};

/* Starts the threads.  SETTINGS are borrowed; DATABASE is a path. */
int readers_start(struct settings_now *settings, struct changer *changer, const char *database,
		  struct readers **out, struct err *err);

/* Finishes what runs, answers what waits with an error, and ends the threads. */
void readers_stop(struct readers *r);

/* ERR_BUSY if the lane is full or the program is ending; then the job stays
 * the caller's. */
int readers_submit(struct readers *r, struct reader_job *job, struct err *err);

#endif
