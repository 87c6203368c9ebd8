/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket on which the kernel tells of processes that seccomp ended: the uid
 * and the call.  It counts violations without any part in the cage: nothing that
 * a tenant holds, no cost of a call that is allowed, none of one that is refused.
 */
#ifndef DAEMON_SUPERVISOR_AUDIT_SOCKET_H
#define DAEMON_SUPERVISOR_AUDIT_SOCKET_H

#include "base/err.h"

/* The caller's; reading it needs no privilege.  -1 where the kernel has no audit or
 * we may not listen to it, as in a container. */
int audit_socket_open(struct err *err);

#endif
