/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PHP, as the rest of the pool sees it: the only door to the files that know
 * PHP's headers (sapi*.c).
 *
 * The order is runtime_start(), runtime_settle(), fork, runtime_child(), then
 * runtime_serve() per request.  The first two are apart because starting PHP
 * needs nothing of a tenant: a zygote may do it once, fork, give the child its
 * own shared memory, and go on with pool_run() (pool/pool.h), which settles.
 */
#ifndef POOL_RUNTIME_H
#define POOL_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "pool/answer.h"
#include "pool/front.h"
#include "pool/params.h"
#include "pool/scoreboard.h"
#include "schema/pool_spec.h"

/* Sizes of what PHP maps at its start; they cannot change later. */
struct runtime_sizes {
	uint64_t opcache_memory, opcache_interned, opcache_files, apcu_memory;
};

/* What a script can learn of the pool by fpm_get_status().  Borrowed. */
struct runtime_pool {
	const struct pool_spec *spec;
	const struct scoreboard *board;
	int home;		/* descriptor of the home */
};

struct runtime_request {
	struct front *front;
	struct answer *answer;
	struct params *params;
	uint64_t accepted_ms;
	uint64_t served;	/* by this worker before this request */
	char *headers;		/* room for the answer's headers, a line each; NULL: not wanted */
	size_t headers_room;
	/* Afterwards: */
	uint64_t memory;	/* the most that PHP had allocated, in bytes */
	int status;		/* of the answer */
};

/* Starts PHP with OPcache and APCu.  Single-threaded, reads nothing but PHP's
 * configuration.  With SPEC, what the plan says of settings that PHP reads only
 * at its start (extensions, functions, the script that is preloaded, and then
 * run) counts too; NULL where no tenant is known yet.  Refuses a libphp other
 * than the one this program was compiled for.  ERR_PHP. */
int runtime_start(const struct runtime_sizes *sizes, const struct pool_spec *spec,
		  struct err *err);

/* Makes the started PHP the tenant's: its settings, locked where a script must
 * not change them, and its environment.  In a trial a value that PHP refuses, or an
 * extension that it could not load, is an error. */
int runtime_settle(const struct runtime_pool *pool, struct err *err);

/* First thing in a worker. */
void runtime_child(void);

/* Lets the worker write the slow log whenever the master asks by score->slow.  False
 * if that cannot be; all else works. */
bool runtime_watch_slow(struct score *score);

/* Runs one request from its parameters to the end of its answer.  False if PHP
 * is no longer fit for another. */
bool runtime_serve(struct runtime_request *r);

#endif
