/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that only read.  They run in the threads of readers.c, each with a
 * database connection and a link of its own, so that they work while a change runs.
 */
#ifndef DAEMON_CONTROL_READ_H
#define DAEMON_CONTROL_READ_H

#include "daemon/control/changer.h"
#include "daemon/control/log_stream.h"
#include "daemon/control/live.h"
#include "daemon/control/route.h"
#include "schema/settings.h"
#include "tenants/store/store.h"

struct reader {
	const struct settings *settings;
	struct store *store;
	struct changer *changer;	/* for its report */
	struct live live;
};

/* True for what may take seconds whatever the machine does meanwhile. */
bool read_is_slow(const struct route *route);

/* True if nginx has loaded our configuration: it answers on a socket of it. */
bool read_is_nginx_there(const char *run_dir);

/* Reads what `logs` asks for; an error is the answer. */
int read_log(struct reader *r, const struct route *route, struct log_request *out,
	     struct answer *answer);

/* Answers a route that changes nothing. */
void read_run(struct reader *r, const struct route *route, struct answer *out);

#endif
