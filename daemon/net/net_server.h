/* SPDX-License-Identifier: Apache-2.0 */
/* tenant-net as it serves the supervisor: messages in, links and rules, answers out. */
#ifndef DAEMON_NET_NET_SERVER_H
#define DAEMON_NET_NET_SERVER_H

#include "base/loop.h"
#include "daemon/net/lines.h"
#include "daemon/net/net_counts.h"
#include "daemon/net/net_watch.h"
#include "schema/net_wire.h"
#include "schema/settings.h"

/* Begins as zeroes but for the settings, which are the caller's to fill. */
struct net_server {
	struct loop loop;
	struct settings settings;
	struct net_table table;
	struct veth veth;
	struct lines lines;
	struct net_counter counter;
	struct net_watch watch;
	struct loop_watch link, signals, changes;
	struct loop_timer tick;
	unsigned ticks;
	char note[NET_TEXT_MAX];
	bool is_ended;
};

/* Opens what links and table are made with; all that `clear` needs. */
int net_server_open(struct net_server *p, struct err *err);
void net_server_close(struct net_server *p);

/* Opens the rest, says whether it can serve, and serves on NET_FD_LINK until the supervisor
 * closes it, or SIGTERM.  The privileges are down to CAP_NET_ADMIN before.  0 also where
 * it cannot serve: the supervisor has been told why. */
int net_server_run(struct net_server *p, struct err *err);

#endif
