/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Method and path of a request: which command it is, and for which site.  Pure.
 * The paths are those of schema/commands.def and schema/reads.def.
 */
#ifndef DAEMON_CONTROL_ROUTE_H
#define DAEMON_CONTROL_ROUTE_H

#include <stdbool.h>

#include "base/err.h"
#include "schema/commands.h"
#include "tenants/idn.h"

enum route_read {
	ROUTE_FIRST = COMMAND_IDS - 1,
#define READ(name, word, path, sentence) ROUTE_##name,
#include "schema/reads.def"
#undef READ
	ROUTE_IDS
};

struct route {
	int id;			/* enum command_id or enum route_read */
	const char *word;	/* for the envelope and the audit */
	bool changes;
	char site[IDN_TEXT_MAX];	/* as typed, percent-decoded; empty without {site} */
};

/* PATH is the raw path, not decoded.  ERR_NO_ROUTE, ERR_BAD_METHOD, ERR_BAD_NAME
 * for a site that cannot be decoded.  *out_allow becomes the methods of a path
 * that is known, for the header Allow. */
int route_find(const char *method, const char *path, struct route *out, char out_allow[64],
	       struct err *err);

#endif
