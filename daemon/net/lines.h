/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links that tenant-net makes, keeps and removes, one at a time: what a
 * message of the supervisor comes to.  See schema/net_wire.h.
 */
#ifndef DAEMON_NET_LINES_H
#define DAEMON_NET_LINES_H

#include "base/loop.h"
#include "daemon/net/net_table.h"
#include "daemon/net/veth.h"
#include "schema/net.h"

struct line;

struct lines {
	struct loop *loop;
	struct net_table *table;
	struct veth *veth;
	struct net_range range;
	struct line *first;
	/* The end of lines_make() or lines_keep(): REASON is empty if the link is there. */
	void (*on_end)(void *owner, uint32_t number, uint32_t slot, const char *reason);
	void *owner;
};

/* Makes a link as soon as JAIL, which is moved in, brings the jail's socket. */
void lines_make(struct lines *l, uint32_t number, uint32_t slot, bool mail_is_open, int jail);

/* A link that a predecessor made goes on. */
void lines_keep(struct lines *l, uint32_t number, uint32_t slot, bool mail_is_open);

/* Closes a link at once; it goes away soon. */
void lines_drop(struct lines *l, uint32_t number, uint32_t slot);

/* Removes all links that have our kind of name and were neither made nor kept. */
int lines_sweep(struct lines *l, struct err *err);

/* The mail ports of a tenant. */
int lines_mail(struct lines *l, uint32_t number, bool is_open, struct err *err);

/* Everything that the table knows of a tenant. */
int lines_forget(struct lines *l, uint32_t number, struct err *err);

/* Lets all links pass that may, after the table was loaded anew. */
int lines_admit(struct lines *l, struct err *err);

/* Removes all links at once: where there is no table, nothing may pass. */
void lines_cut(struct lines *l);

/* True if there is a link, or one to come. */
bool lines_are_used(const struct lines *l);

#endif
