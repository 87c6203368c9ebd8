/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's audit records of processes that seccomp ended, on a netlink
 * socket that the supervisor opened and bound (LOG_AUDIT_FD): who it was and
 * which call.  No other kind of record gets through that socket's filter.
 */
#ifndef DAEMON_LOG_AUDIT_H
#define DAEMON_LOG_AUDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/log/violations.h"

/* Reads a record's text, which need not end.  False unless it tells of a process
 * that seccomp killed.  A name that the process chose is in quotes or in hex,
 * without a space, so it cannot pass for a field. */
bool audit_parse(const char *text, size_t size, uint32_t *out_uid, char out_call[CALL_NAME_MAX]);

/* Takes what is there, at most some records; false if the socket is of no more use. */
bool audit_take(int fd, struct violations *v);

#endif
