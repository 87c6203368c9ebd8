/* SPDX-License-Identifier: Apache-2.0 */
/* Whether cages can reach the name servers that their resolv.conf names. */
#include "daemon/control/doctor.h"

#include <stdio.h>
#include <string.h>

#include "schema/net.h"

#define RESOLV "/etc/resolv.conf"
#define DNS_PORT 53

static bool is_reached(const struct settings *set, const char *server, struct text *found)
{
	struct net_allow rows[NET_ALLOW_MAX];
	size_t count = 0;
	uint32_t address = 0;

	if (net_address_parse(server, &address) < 0) {
		text_add(found, "%s'%s' is no IPv4 address, and sites have no IPv6",
			 found->size ? "; " : "", server);
		return false;
	}
	const struct net_closed *closed = net_closed_find(address);

	if (closed && (net_allow_parse(set->net_allow, rows, &count, NULL) < 0 ||
		       !net_allow_holds(rows, count, address, DNS_PORT))) {
		text_add(found, "%s%s (%s) is closed to sites", found->size ? "; " : "", server,
			 closed->what);
		return false;
	}
	text_add(found, "%s%s", found->size ? "; " : "", server);
	return true;
}

bool doctor_resolver(const struct settings *set, struct text *found)
{
	char line[512];
	bool is_one = false;

	if (strcmp(set->net_resolver, "host") != 0) {
		text_add(found, "net_resolver = %s", set->net_resolver);
		return true;
	}
	FILE *f = fopen(RESOLV, "re");

	if (!f) {
		text_add(found, "'" RESOLV "' cannot be read");
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		char *rest = NULL;
		const char *key = strtok_r(line, " \t\n", &rest);
		const char *server = key ? strtok_r(NULL, " \t\n", &rest) : NULL;

		if (server && strcmp(key, "nameserver") == 0 && is_reached(set, server, found))
			is_one = true;
	}
	(void)fclose(f);	/* read only */
	if (!found->size)
		text_add(found, "'" RESOLV "' names no server");
	return is_one;
}
