/* SPDX-License-Identifier: Apache-2.0 */
/* `exec`: a command in a cage; input, output and exit status pass through. */
#ifndef ADMIN_CLI_EXEC_H
#define ADMIN_CLI_EXEC_H

#include "admin-cli/args.h"
#include "base/err.h"
#include "base/str.h"

/* Runs the command of A by tenantd at SOCKET.  0: it ran, *out_status is its exit
 * status.  1: tenantd's envelope is in OUT instead.  -1. */
int exec_run(const struct args *a, const char *socket, int *out_status, struct text *out,
	     struct err *err);

#endif
