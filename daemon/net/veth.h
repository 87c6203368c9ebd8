/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links between the host and jails: veth(4) pairs made by rtnetlink(7).  Both
 * ends speak no ARP and have one hardware address, so a link has no neighbours:
 * nothing to ask, to answer or to fill.
 */
#ifndef DAEMON_NET_VETH_H
#define DAEMON_NET_VETH_H

#include <stdint.h>

#include "base/err.h"

struct mnl_socket;

struct veth {
	struct mnl_socket *host;
};

int veth_open(struct veth *v, struct err *err);
void veth_close(struct veth *v);

/* Makes the link NAME to the network namespace in which JAIL, a netlink socket,
 * was opened, which must not be ours.  The jail's end is called eth0, has ADDRESS and the
 * way to everywhere; the host sends ADDRESS there.  What had the name before is
 * removed.  On failure nothing is left. */
int veth_make(struct veth *v, const char *name, uint32_t address, int jail, struct err *err);

/* Removes a link, both ends.  Idempotent. */
int veth_remove(struct veth *v, const char *name, struct err *err);

/* Finds a link that was made, and sees that its route is there.  -1 if there is
 * none, or one that a killed predecessor left half made. */
int veth_keep(struct veth *v, const char *name, uint32_t address, struct err *err);

/* Calls back with the name of each interface of the host, perhaps more than once if some come
 * or go meanwhile. */
int veth_each(struct veth *v, void (*each)(const char *name, void *arg), void *arg,
	      struct err *err);

#endif
