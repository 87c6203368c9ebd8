/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of our nftables table, which is the whole policy: where packets from
 * links may go and what may come to them.  Pure; docs/operating.md tells it in
 * words, tests/golden/net_rules.nft is an example.
 */
#ifndef DAEMON_NET_NET_RULES_H
#define DAEMON_NET_NET_RULES_H

#include "base/str.h"
#include "schema/settings.h"

/* Sets of the table that tenant-net fills. */
#define NET_SET_LINKS "links"		/* name of a link . address that it may use */
#define NET_SET_MAIL "mail"		/* blocks that may use the mail ports */
#define NET_SET_OPENED "opened"		/* interfaces that forward only for us */
#define NET_SET_SENT "sent"		/* counters by block */
#define NET_SET_RECEIVED "received"
#define NET_SET_REFUSED "refused"

/* Appends a script that makes or replaces the table in one transaction.  What
 * was counted and what was opened stays; links and mail are empty after it. */
int net_rules(const struct settings *s, struct text *out, struct err *err);

/* The second table, which drops what the first has not let pass: where another
 * program removes that one (`nft flush ruleset`), links are closed, not open.  The
 * kernel lets nobody but the socket that made it change or flush it, and removes it
 * with that socket. */
#define NET_GUARD "-guard"
int net_rules_guard(const struct settings *s, struct text *out);

#endif
