/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log of the pool, as PHP-FPM writes it: one line for each request, by
 * the option access_format, on POOL_FD_ACCESS, which is never waited for.
 */
#ifndef POOL_ACCESS_LOG_H
#define POOL_ACCESS_LOG_H

#include "pool/params.h"
#include "schema/pool_spec.h"

struct access_facts {
	const struct params *params;
	const char *headers;		/* "Name: value\n" of the answer; or NULL */
	int status;
	uint64_t took_us, user_us, system_us, memory;
};

/* True if the option's format asks for headers of the answer. */
bool access_log_wants_headers(const struct options *o);

/* Writes the line, if the option wants it. */
void access_log_write(const struct pool_spec *spec, const struct access_facts *f);

#endif
