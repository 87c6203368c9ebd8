/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-pool: PHP for one tenant.  Started by tenant-jail inside the jail, as
 * pid 1 of its namespace, as the tenant, with the descriptors of
 * schema/pool_spec.h and nothing else.
 */
#include <stdio.h>
#include <unistd.h>

#include "pool/errlog.h"
#include "pool/pool.h"
#include "pool/report.h"
#include "pool/runtime.h"

static int run(struct err *err)
{
	static struct pool_spec spec;

	if (pool_secure(err) < 0 || pool_read_spec(&spec, err) < 0)
		return -1;

	const struct runtime_sizes sizes = {
		.opcache_memory = spec.options.opcache_memory,
		.opcache_interned = spec.options.opcache_interned,
		.opcache_files = spec.options.opcache_files,
		.apcu_memory = spec.options.apcu_memory,
	};

	bool is_trial = spec.magic == POOL_TRIAL_MAGIC;

	if ((is_trial && pool_begin_trial(err) < 0) || runtime_start(&sizes, &spec, err) < 0)
		return -1;
	return is_trial ? pool_try(&spec, err) : pool_run(&spec, err);
}

int main(void)
{
	struct err err = { 0 };

	if (run(&err) < 0) {
		report_send(POOL_REPORT_FAILED, NULL, err.text);
		errlog_print("the pool ends: %s", err.text);
		return 1;
	}
	return 0;
}
