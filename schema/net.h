/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and names of the links between jails and the host, and the texts
 * of the settings that speak of addresses.  Pure.  Addresses are IPv4, in the
 * host's byte order.
 *
 * A number has a block of NET_SLOTS addresses, so that all its generations
 * that live at the same time have one each, and its block stands for it in sets
 * of the packet filter.
 */
#ifndef SCHEMA_NET_H
#define SCHEMA_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NET_SLOTS 4u
#define NET_BLOCK_MASK "255.255.255.252"	/* an address without its slot */
#define NET_NAME_MAX 16				/* IFNAMSIZ */
#define NET_ADDRESS_TEXT 16			/* "255.255.255.255" */
#define NET_ALLOW_MAX 32
#define NET_LINKS "tn"				/* how the host's ends of all links begin */

struct net_range {
	uint32_t first;
	unsigned bits;
};

/* ERR_BAD_CONFIG unless it is ADDRESS/BITS with 8 to 24 bits, all others 0. */
int net_range_parse(const char *text, struct net_range *out, struct err *err);

/* ERR_EXHAUSTED where the range has no such block.  SLOT is below NET_SLOTS. */
int net_address(const struct net_range *r, uint32_t number, uint32_t slot, uint32_t *out,
		struct err *err);

/* The number whose block an address lies in; 0 if it is none's. */
uint32_t net_number(const struct net_range *r, uint32_t address);

void net_address_text(uint32_t address, char out[NET_ADDRESS_TEXT]);
int net_address_parse(const char *text, uint32_t *out);	/* 0, or -1 */

/* The host's end of a link, "tn17-0"; and back: 0, or -1 if it is not such a name. */
void net_link_name(uint32_t number, uint32_t slot, char out[NET_NAME_MAX]);
int net_link_parse(const char *name, uint32_t *number, uint32_t *slot);

/* What is not the world: sites reach it only where net_allow lists it. */
struct net_closed {
	const char *network;	/* ADDRESS[/BITS] */
	const char *what;
};
extern const struct net_closed net_closed[];
extern const size_t net_closed_count;

/* The row in which an address lies, or NULL: then sites may reach it. */
const struct net_closed *net_closed_find(uint32_t address);

/* One row of net_allow; port 0 means all. */
struct net_allow {
	uint32_t address;
	unsigned bits;
	uint16_t port;
};

/* "none", or ADDRESS[/BITS][:PORT] separated by commas.  ERR_BAD_CONFIG. */
int net_allow_parse(const char *text, struct net_allow out[NET_ALLOW_MAX], size_t *count,
		    struct err *err);

/* True if one of the rows lets sites reach this port of the address. */
bool net_allow_holds(const struct net_allow *rows, size_t count, uint32_t address,
		     uint16_t port);

/* "host" (no rows), or addresses separated by commas; rows for their port 53. */
int net_resolver_parse(const char *text, struct net_allow out[NET_ALLOW_MAX], size_t *count,
		       struct err *err);

#endif
