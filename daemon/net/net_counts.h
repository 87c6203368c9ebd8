/* SPDX-License-Identifier: Apache-2.0 */
/* What our table has counted, tenant by tenant. */
#ifndef DAEMON_NET_NET_COUNTS_H
#define DAEMON_NET_NET_COUNTS_H

#include <stddef.h>

#include "daemon/net/net_table.h"
#include "schema/net.h"

struct net_counts {
	uint32_t number;
	uint64_t sent_bytes, sent_packets, received_bytes, received_packets, refused_packets;
};

/* Remembers what was told last.  Zeroed: nothing. */
struct net_counter {
	struct net_counts *rows;	/* sorted by number */
	size_t count;
};

/* Calls back for each tenant of whom something new was counted. */
int net_counter_read(struct net_counter *c, struct net_table *t, const struct net_range *range,
		     void (*each)(const struct net_counts *counts, void *arg), void *arg,
		     struct err *err);

void net_counter_free(struct net_counter *c);

#endif
