/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tenantctl import php-fpm`: pools of PHP-FPM become sites.  The client reads
 * the files as whoever calls it; tenantd gets the requests that `add` makes.
 */
#ifndef ADMIN_CLI_IMPORT_H
#define ADMIN_CLI_IMPORT_H

#include "admin-cli/args.h"
#include "admin-cli/reply.h"

/* Imports all pools, one after the other.  *out is an envelope whose data are
 * rows of pool, directive, value, becomes and why; the last one of a pool is of
 * the directive "[POOL]" and tells what became of it.  *out_status is the highest
 * exit status of the pools; 1 for one that was skipped.  -1 if nothing can be read, or
 * tenantd is not reachable. */
int import_run(const struct args *a, const char *socket, struct reply *out, int *out_status,
	       struct err *err);

#endif
