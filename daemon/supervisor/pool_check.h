/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's own parts of a tenant: are they what the spec says?  Looking
 * changes nothing; pool_mend() puts the listener right, pools_sync() the rest.
 */
#ifndef DAEMON_SUPERVISOR_POOL_CHECK_H
#define DAEMON_SUPERVISOR_POOL_CHECK_H

#include "daemon/supervisor/pool.h"

/* Tells each part: its name, and an error whose code is 0 where it is right. */
typedef void pool_check_report(void *owner, const char *part, const struct err *result);

void pool_check(const struct pools *ps, uint32_t number, pool_check_report *report, void *owner);

/* Binds the listener anew where its name leads elsewhere or has other rights. */
void pool_mend(struct pool *p);

#endif
