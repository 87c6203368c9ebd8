/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic and parsing of addresses. */
#include "schema/net.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

#define DNS_PORT 53
#define RANGE_BITS_MIN 8
#define RANGE_BITS_MAX 24
#define ALLOW_BITS_MIN 8	/* fewer would be a part of the world, not a network of ours */

const struct net_closed net_closed[] = {
	{ "0.0.0.0/8", "this network" },
	{ "10.0.0.0/8", "private" },
	{ "100.64.0.0/10", "carrier-grade NAT; metadata of some clouds" },
	{ "127.0.0.0/8", "loopback" },
	{ "168.63.129.16", "Azure's services for its machines" },
	{ "169.254.0.0/16", "link-local; 169.254.169.254 is the metadata service of clouds" },
	{ "172.16.0.0/12", "private" },
	{ "192.0.0.0/24", "protocol assignments; metadata of some clouds" },
	{ "192.168.0.0/16", "private" },
	{ "198.18.0.0/15", "benchmarks; the links of sites" },
	{ "224.0.0.0/3", "multicast, reserved, broadcast" },
};
const size_t net_closed_count = ARRAY_SIZE(net_closed);

static uint32_t mask_of(unsigned bits)
{
	return bits == 0 ? 0 : ~UINT32_C(0) << (32 - bits);
}

void net_address_text(uint32_t address, char out[NET_ADDRESS_TEXT])
{
	(void)str_format(out, NET_ADDRESS_TEXT, "%u.%u.%u.%u", address >> 24,
			 address >> 16 & 255, address >> 8 & 255, address & 255);	/* fits */
}

int net_address_parse(const char *text, uint32_t *out)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return -1;
	*out = ntohl(in.s_addr);
	return 0;
}

/* "ADDRESS[/BITS][:PORT]"; without BITS it is one host. */
static int parse_row(const char *text, struct net_allow *out, struct err *err)
{
	char copy[64];
	uint64_t bits = 32, port = 0;
	struct net_allow row = { 0 };

	if (str_copy(copy, sizeof(copy), text) < 0)
		return err_set(err, ERR_BAD_CONFIG, "'%.80s' is too long for an address", text);
	char *colon = strchr(copy, ':');

	if (colon)
		*colon = '\0';
	char *slash = strchr(copy, '/');

	if (slash)
		*slash = '\0';
	if ((colon && (str_number(colon + 1, UINT16_MAX, &port) < 0 || port == 0)) ||
	    (slash && str_number(slash + 1, 32, &bits) < 0) ||
	    net_address_parse(copy, &row.address) < 0)
		return err_set(err, ERR_BAD_CONFIG, "'%s' is not ADDRESS[/BITS][:PORT] with an "
			       "IPv4 address, such as 10.0.0.5:3306", text);
	row.bits = (unsigned)bits;
	row.port = (uint16_t)port;
	if (row.address & ~mask_of(row.bits))
		return err_set(err, ERR_BAD_CONFIG, "'%s' is no network: bits behind the first %u "
			       "are set", text, row.bits);
	*out = row;
	return 0;
}

int net_range_parse(const char *text, struct net_range *out, struct err *err)
{
	struct net_allow row;

	if (parse_row(text, &row, err) < 0)
		return -1;
	if (row.port != 0 || row.bits < RANGE_BITS_MIN || row.bits > RANGE_BITS_MAX)
		return err_set(err, ERR_BAD_CONFIG, "'%s' is not ADDRESS/BITS with %d to %d bits",
			       text, RANGE_BITS_MIN, RANGE_BITS_MAX);
	*out = (struct net_range){ .first = row.address, .bits = row.bits };
	return 0;
}

int net_address(const struct net_range *r, uint32_t number, uint32_t slot, uint32_t *out,
		struct err *err)
{
	uint32_t blocks = ~mask_of(r->bits) / NET_SLOTS;	/* number 0 is nobody's */

	if (number == 0 || number > blocks || slot >= NET_SLOTS)
		return err_set(err, ERR_EXHAUSTED, "net_range has addresses for the numbers 1 to "
			       "%u, this is %u; choose a larger one in tenantd.conf", blocks,
			       number);
	*out = r->first + number * NET_SLOTS + slot;
	return 0;
}

uint32_t net_number(const struct net_range *r, uint32_t address)
{
	return (address & mask_of(r->bits)) == r->first ?
	       (address & ~mask_of(r->bits)) / NET_SLOTS : 0;
}

void net_link_name(uint32_t number, uint32_t slot, char out[NET_NAME_MAX])
{
	(void)str_format(out, NET_NAME_MAX, NET_LINKS "%u-%u", number, slot);	/* fits */
}

int net_link_parse(const char *name, uint32_t *number, uint32_t *slot)
{
	char copy[NET_NAME_MAX], back[NET_NAME_MAX];
	uint64_t n = 0, k = 0;

	if (strncmp(name, NET_LINKS, strlen(NET_LINKS)) != 0 ||
	    str_copy(copy, sizeof(copy), name + strlen(NET_LINKS)) < 0)
		return -1;
	char *dash = strchr(copy, '-');

	if (!dash)
		return -1;
	*dash = '\0';
	if (str_number(copy, UINT32_MAX, &n) < 0 || n == 0 ||
	    str_number(dash + 1, NET_SLOTS - 1, &k) < 0)
		return -1;
	net_link_name((uint32_t)n, (uint32_t)k, back);
	if (strcmp(back, name) != 0)	/* "tn017-0" is somebody else's */
		return -1;
	*number = (uint32_t)n;
	*slot = (uint32_t)k;
	return 0;
}

bool net_allow_holds(const struct net_allow *rows, size_t count, uint32_t address,
		     uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if ((address & mask_of(rows[i].bits)) == rows[i].address &&
		    (rows[i].port == 0 || rows[i].port == port))
			return true;
	return false;
}

const struct net_closed *net_closed_find(uint32_t address)
{
	struct net_allow row;

	for (size_t i = 0; i < net_closed_count; i++)
		if (parse_row(net_closed[i].network, &row, NULL) == 0 &&
		    net_allow_holds(&row, 1, address, 0))
			return &net_closed[i];
	return NULL;
}

static int parse_rows(const char *text, const char *empty, struct net_allow *out, size_t *count,
		      struct err *err)
{
	char copy[256], *rest = NULL;

	*count = 0;
	if (strcmp(text, empty) == 0)
		return 0;
	if (str_copy(copy, sizeof(copy), text) < 0)
		return err_set(err, ERR_BAD_CONFIG, "the list of addresses is too long");
	for (char *word = strtok_r(copy, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest)) {
		if (*count == NET_ALLOW_MAX)
			return err_set(err, ERR_BAD_CONFIG, "there are more than %d addresses",
				       NET_ALLOW_MAX);
		if (parse_row(word, &out[*count], err) < 0)
			return -1;
		(*count)++;
	}
	return *count > 0 ? 0 : err_set(err, ERR_BAD_CONFIG, "'%s' names no address; '%s' stands "
					"for none", text, empty);
}

int net_allow_parse(const char *text, struct net_allow out[NET_ALLOW_MAX], size_t *count,
		    struct err *err)
{
	if (parse_rows(text, "none", out, count, err) < 0)
		return -1;
	for (size_t i = 0; i < *count; i++)
		if (out[i].bits < ALLOW_BITS_MIN)
			return err_set(err, ERR_BAD_CONFIG, "/%u is a part of the world, which is "
				       "open anyway; /%d is the largest network", out[i].bits,
				       ALLOW_BITS_MIN);
	return 0;
}

int net_resolver_parse(const char *text, struct net_allow out[NET_ALLOW_MAX], size_t *count,
		       struct err *err)
{
	if (parse_rows(text, "host", out, count, err) < 0)
		return -1;
	for (size_t i = 0; i < *count; i++) {
		if (out[i].bits != 32 || out[i].port != 0)
			return err_set(err, ERR_BAD_CONFIG, "a name server is an address alone; "
				       "its port is %d", DNS_PORT);
		out[i].port = DNS_PORT;
	}
	return 0;
}
