/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor and tenant-net say to each other on tenant-net's
 * descriptor 3 (SOCK_SEQPACKET), one struct per message.
 */
#ifndef SCHEMA_NET_WIRE_H
#define SCHEMA_NET_WIRE_H

#include <stdint.h>

#define NET_TEXT_MAX 256

/* RUN_DIR/net: the struct settings with which links and table were made; there
 * while there may be any. */
#define NET_RECORD "net"

/* Descriptors of `tenant-net serve`. */
enum net_fd {
	NET_FD_LINK = 3,	/* to the supervisor */
	NET_FD_SETTINGS,	/* sealed struct settings */
	NET_FD_END
};

enum net_verb {
	/* Make a link.  The one descriptor that comes along is a stream whose other
	 * end tenant-jail holds: it sends one byte with a netlink socket of the
	 * jail's network namespace, and gets one byte when the link is there, or
	 * the end if there will be none. */
	NET_UP = 1,
	NET_KEEP,		/* this link belongs to a living pool; is it there? */
	NET_KEPT,		/* all have been told: remove the other links */
	NET_MAIL,		/* the mail ports of a tenant */
	NET_DOWN,		/* remove a link */
	NET_FORGET,		/* the tenant is gone: remove what was counted */
};

enum net_answer_kind {
	NET_READY = 1,		/* the first: whether the table is loaded */
	NET_LINK,		/* the end of an UP or KEEP */
	NET_COUNTS,		/* of a tenant; every few seconds while it has a link */
	NET_NOTE,		/* something of the host blocks sites, or no longer */
	NET_LOST,		/* another program removed our rules; they are back */
};

#define STRUCTS_OF "schema/net_wire.def"
#include "schema/structs.def"

#endif
