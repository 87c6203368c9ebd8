/* SPDX-License-Identifier: Apache-2.0 */
/* What net_link.c (the links) and net_child.c (the process that makes them) share. */
#ifndef DAEMON_SUPERVISOR_NET_LINK_INSIDE_H
#define DAEMON_SUPERVISOR_NET_LINK_INSIDE_H

#include "daemon/supervisor/net_link.h"
#include "schema/net_wire.h"

#define NET_PROGRAM "tenant-net"

/* Why nothing works, for status and doctor; "": it does.  Logged when it is news. */
void net_link_set_reason(struct net_link *l, const char *text);

/* Tells a tenant-net that serves which links there shall be: it removes all others. */
void net_link_sync(struct net_link *l);

/* The settings want no links any more: says so of each that was there. */
void net_link_switch_off(struct net_link *l);

/* Takes one message of tenant-net's, whose text has an end. */
void net_link_take(struct net_link *l, const struct net_answer *a);

#endif
