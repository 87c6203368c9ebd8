/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hearing of changes that others make to our table: the kernel tells all listeners
 * of nfnetlink what a transaction removed, at once.
 */
#ifndef DAEMON_NET_NET_WATCH_H
#define DAEMON_NET_NET_WATCH_H

#include <stdbool.h>

#include "base/err.h"

#define NET_WATCH_WHO 64

struct mnl_socket;

struct net_watch {
	struct mnl_socket *sock;
	const char *table;	/* ours, of the family inet; borrowed */
};

/* *out_fd is the descriptor to poll for reading; it stays the watch's. */
int net_watch_open(struct net_watch *w, const char *table, int *out_fd, struct err *err);
void net_watch_close(struct net_watch *w);

/* Reads all that has come.  True if a table, chain or rule of ours was removed, or
 * if it may have been, since some of it was lost.  WHO names the program where
 * the kernel tells it, else it is empty. */
bool net_watch_read(struct net_watch *w, char who[NET_WATCH_WHO]);

#endif
