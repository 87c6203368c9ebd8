/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding between links and the world, by sysctls of single interfaces: the
 * host's own switch, net.ipv4.ip_forward, is read and never written.  Where it
 * is off, other interfaces are opened one by one and noted in the set `opened`
 * of our table, whose rule drops what is not from or to a link: so the host
 * forwards for nobody else, as before.
 */
#ifndef DAEMON_NET_FORWARD_H
#define DAEMON_NET_FORWARD_H

#include "daemon/net/net_table.h"

/* Opens what the host has closed; where the host forwards by itself, nothing is
 * noted any more.  To be called again from time to time. */
int forward_open(struct net_table *t, struct err *err);

/* Closes what forward_open() opened. */
int forward_close(struct net_table *t, struct err *err);

/* The same after somebody removed the table: by what was noted at last. */
void forward_lost(struct net_table *t);

/* Opens the host's end of a link, which speaks no IPv6. */
int forward_link(const char *name, struct err *err);

#endif
