/* SPDX-License-Identifier: Apache-2.0 */
/* What to type next after an error. */
#ifndef ADMIN_CLI_ADVICE_H
#define ADMIN_CLI_ADVICE_H

#include "admin-cli/args.h"
#include "base/str.h"

/* Appends "next: " and what to type after an error of this code.  A is NULL where
 * nothing of the command line is known. */
void advice_add(struct text *out, int code, const struct args *a);

#endif
