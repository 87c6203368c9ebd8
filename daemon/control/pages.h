/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of the supervisor that come in pages: LIST and LEDGER, whole. */
#ifndef DAEMON_CONTROL_PAGES_H
#define DAEMON_CONTROL_PAGES_H

#include <stdint.h>

#include "base/err.h"
#include "daemon/control/link.h"

/* All rows with numbers above AFTER, in their order.  *out is the caller's to
 * free; it is NULL if there are none.  Rows out of order, which would make the
 * walk endless, close the link. */
int pages_list(struct link *l, struct wire_list_row **out, uint32_t *out_count, struct err *err);
int pages_ledger(struct link *l, struct wire_ledger_row **out, uint32_t *out_count,
		 struct err *err);

#endif
