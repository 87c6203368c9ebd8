/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line to the HTTP request of its command: path and JSON body. */
#ifndef ADMIN_CLI_REQUEST_H
#define ADMIN_CLI_REQUEST_H

#include <jansson.h>

#include "admin-cli/args.h"
#include "base/str.h"

/* Appends the path, with the operand percent-encoded (RFC 3986 2.1) and the query behind it. */
void request_path(struct text *out, const struct args *a);

/* Makes the body.  *out is the caller's; NULL where the command sends none.
 * Arguments that are not UTF-8 are ERR_USAGE. */
int request_body(json_t **out, const struct args *a, struct err *err);

#endif
