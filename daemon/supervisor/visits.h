/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sites' own access logs, LOG_DIR/SITE/access.log.  nginx writes one log for all sites (a
 * file for each would meet its limit of descriptors); tenant-log parts it, line by line, into
 * files that are opened, and rotated by size and count, here.
 */
#ifndef DAEMON_SUPERVISOR_VISITS_H
#define DAEMON_SUPERVISOR_VISITS_H

#include "daemon/supervisor/log_link.h"

struct pool;

/* Sends what tenant-log lacks: each site's file, then nginx's log.  -1 with errno where there
 * was no room for all; going on is the caller's. */
int visits_send(struct log_link *l);

/* All sites are known: sends them, and from now on looks for files that are large enough, and
 * for a new log of nginx's. */
void visits_begin(struct log_link *l);

/* The site is gone. */
void visits_forget(struct log_link *l, struct pool *p);

/* Nothing was sent yet to this tenant-log. */
void visits_reset(struct log_link *l);

#endif
