/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status pages and pings of sites, as HTTP for nginx on RUN_DIR/status.sock.  The
 * pool has no part in it: a full, a cold and a broken one are told all the same.
 * One thread with a database connection and a link of its own; nothing can be
 * changed here.
 */
#ifndef DAEMON_CONTROL_STATUS_SERVER_H
#define DAEMON_CONTROL_STATUS_SERVER_H

#include "base/err.h"
#include "daemon/control/live.h"
#include "tenants/store/store.h"

struct status_server;

/* Serves the listening socket, which is taken; so is STORE, a reader. */
int status_server_start(int listener, const char *run_dir, struct store *store,
			struct status_server **out, struct err *err);

void status_server_stop(struct status_server *s);

/* All pages of workers of one pool.  *rows is the caller's to free. */
int status_board(struct live *live, uint32_t number, struct wire_board *out,
		 struct wire_board_row **rows, uint32_t *row_count, struct err *err);

#endif
