/* SPDX-License-Identifier: Apache-2.0 */
/* What to type next after an error. */
#ifndef ADMIN_CLI_ADVICE_H
#define ADMIN_CLI_ADVICE_H

#include "admin-cli/args.h"
#include "base/str.h"

/* Appends a line that helps with an error of this code, if there is one.
 * A is NULL where the command line itself was wrong. */
void advice_add(struct text *out, int code, const struct args *a);

#endif
