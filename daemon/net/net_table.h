/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our table in the kernel, by libnftables: loaded, filled, read, removed.  The
 * tables of others are never touched.
 */
#ifndef DAEMON_NET_NET_TABLE_H
#define DAEMON_NET_NET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "schema/settings.h"

struct nft_ctx;

struct net_table {
	struct nft_ctx *nft;
	const struct settings *settings;	/* borrowed */
	struct text opened;	/* what forward_open() found in its set at last, one a line */
};

int net_table_open(struct net_table *t, const struct settings *s, struct err *err);
void net_table_close(struct net_table *t);

/* Makes or replaces it; a table of an earlier version that does not fit goes
 * first, with what it had counted. */
int net_table_load(struct net_table *t, struct err *err);

/* Makes the guard, which stays as long as T is open.  A predecessor's goes with its
 * process, which is waited for. */
int net_table_guard(struct net_table *t, struct err *err);

/* Removes it.  Idempotent. */
int net_table_remove(struct net_table *t, struct err *err);

/* Puts an element, as nftables writes it, into a set, or takes it out.  Idempotent. */
int net_table_put(struct net_table *t, const char *set, const char *element, bool is_in,
		  struct err *err);

/* Calls back for each element of a set of plain values. */
int net_table_each(struct net_table *t, const char *set,
		   void (*each)(const char *value, uint64_t packets, uint64_t bytes, void *arg),
		   void *arg, struct err *err);

/* Names, for people, other tables' chains that drop what is forwarded unless a
 * rule of theirs says otherwise; empty if there is none. */
int net_table_rivals(struct net_table *t, char *out, size_t size, struct err *err);

#endif
