/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that need no builder: what the supervisor and the kernel know. */
#ifndef DAEMON_SUPERVISOR_STATUS_H
#define DAEMON_SUPERVISOR_STATUS_H

#include "daemon/supervisor/pool.h"

/* Live facts of one tenant.  ERR_UNKNOWN_SITE where there is none. */
int status_read(const struct pools *ps, uint32_t number, struct wire_status *out,
		struct err *err);

/* Rows of the tenants after a number; *is_more if they were not all. */
size_t status_list(const struct pools *ps, uint32_t after,
		   struct wire_list_row out[WIRE_LIST_ROWS], bool *is_more);

#endif
