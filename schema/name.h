/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names on the wire: lower-case A-labels (RFC 1035 2.3.1, RFC 1123 2.1,
 * RFC 5890).  Pure; the conversion of typed names is tenants/idn.c.
 */
#ifndef SCHEMA_NAME_H
#define SCHEMA_NAME_H

#include "base/err.h"

/* Accepts "site.example": 1 to 253 octets, at least two labels of 1 to 63
 * letters, digits and hyphens, none at a label's edge, the last label not all
 * digits (it would be an address), lower case only.  Anything else: the error
 * says which rule.  ERR_BAD_NAME. */
int name_check(const char *host, struct err *err);

#endif
