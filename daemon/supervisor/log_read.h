/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs opened for tenant-control, which may not enter their folders: it gets a
 * descriptor that can only be read.
 */
#ifndef DAEMON_SUPERVISOR_LOG_READ_H
#define DAEMON_SUPERVISOR_LOG_READ_H

#include "daemon/supervisor/place.h"

/* WHICH is enum wire_log_which, from outside.  *out is the caller's; -1 where
 * there is no such file yet, which is success. */
int log_read_open(const struct place *p, const char *site, uint32_t which, int *out,
		  struct err *err);

#endif
