/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Method and path of a request: which command it is, and for which site or plan.
 * Pure.  The paths are those of schema/commands.def and reads.def.
 */
#ifndef DAEMON_CONTROL_ROUTE_H
#define DAEMON_CONTROL_ROUTE_H

#include <stdbool.h>

#include "base/err.h"
#include "schema/commands.h"
#include "tenants/idn.h"

#define QUERY_VALUE_MAX 128

struct route {
	const struct command_row *row;
	char operand[IDN_TEXT_MAX];	/* of {...} as typed, percent-decoded; or empty */
	char query[FLAG_IDS][QUERY_VALUE_MAX];	/* decoded; empty: not given */
};

/* PATH is the raw path, not decoded, without the query.  ERR_NO_ROUTE,
 * ERR_BAD_METHOD, ERR_BAD_NAME for an operand that cannot be decoded.  *out_allow
 * becomes the methods of a path that is known, for the header Allow. */
int route_find(const char *method, const char *path, struct route *out, char out_allow[64],
	       struct err *err);

/* The name of the path's operand in replies: "site", "name" of a plan, or "". */
const char *route_field(const struct route *r);

/* Takes one field of the query, not decoded; VALUE may be NULL.  ERR_USAGE if the
 * command does not know it, for a second time, and for a switch that is not
 * `yes`. */
int route_query(struct route *r, const char *field, const char *value, struct err *err);

#endif
