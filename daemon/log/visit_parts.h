/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's log of all sites, parted into a file for each.  Lines are taken whole and in their
 * order; where one was left off stands in a file, so that none is lost when tenant-log ends, and
 * at most the lines of one write come twice.  After a rotation the log that was is read on, too:
 * its writers turn to the new one by and by.
 */
#ifndef DAEMON_LOG_VISIT_PARTS_H
#define DAEMON_LOG_VISIT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/log_wire.h"

struct parts_stream {
	int fd;			/* -1: there is none */
	uint64_t inode, offset;
	bool is_cut;		/* within a line that was too long: it is nobody's */
};

struct parts {
	void *sites;		/* tsearch(3) */
	struct log_position *position;	/* mapped; NULL before the first log */
	struct parts_stream log, old;
};

void parts_init(struct parts *v);
void parts_done(struct parts *v);

/* Takes a site's file over, which becomes ours in any case. */
int parts_site(struct parts *v, const char *site, uint32_t number, int file, struct err *err);

/* Closes the file, unless another number has the name by now. */
void parts_forget(struct parts *v, const char *site, uint32_t number);

/* Takes the log over, and the one before (-1: none); all become ours in any case. */
int parts_log(struct parts *v, int position, int log, int old, struct err *err);

/* Parts what is there, a bounded part of it.  True if there is more. */
bool parts_go_on(struct parts *v);

#endif
