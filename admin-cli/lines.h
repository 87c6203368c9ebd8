/* SPDX-License-Identifier: Apache-2.0 */
/* `logs`: lines as they come, each made harmless and printed at once. */
#ifndef ADMIN_CLI_LINES_H
#define ADMIN_CLI_LINES_H

#include "admin-cli/args.h"
#include "base/err.h"
#include "base/str.h"

/* Prints what the command of A asks for from tenantd at SOCKET.  0; 1 with
 * tenantd's envelope in OUT instead of a log; -1. */
int lines_print(const struct args *a, const char *socket, struct text *out, struct err *err);

#endif
