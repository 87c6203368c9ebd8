/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's files of host names, for ledger.c alone. */
#ifndef TENANTS_LEDGER_NAMES_H
#define TENANTS_LEDGER_NAMES_H

#include "tenants/ledger.h"

/* Like ledger_holder(); where there is a holder, *out_record is its record. */
int ledger_names_find(const struct ledger *l, const char *host, uint32_t *out,
		      struct ledger_record *out_record, struct err *err);

/* Claims the site's name and the aliases of T for NUMBER.  The caller has found that
 * whatever claims there are count for nobody else. */
int ledger_names_add(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		     struct err *err);

/* Gives up a claim, if it is this number's. */
int ledger_names_drop(const struct ledger *l, uint32_t number, const char *host, struct err *err);

#endif
