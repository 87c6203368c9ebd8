/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that only read.  They run in the HTTP thread with a database
 * connection and a link of their own, so that they work while a change runs.
 */
#ifndef DAEMON_CONTROL_READ_H
#define DAEMON_CONTROL_READ_H

#include "daemon/control/changer.h"
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

/* Answers a route that changes nothing. */
void read_run(struct reader *r, const struct route *route, struct answer *out);

#endif
