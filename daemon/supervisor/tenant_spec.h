/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specs that tenant-build wrote: STATE_DIR/spec/N.  The supervisor keeps
 * only what it steers by; the whole record is read again for each start.
 */
#ifndef DAEMON_SUPERVISOR_TENANT_SPEC_H
#define DAEMON_SUPERVISOR_TENANT_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/supervisor/place.h"
#include "sandbox/spec.h"
#include "schema/wire.h"

struct tenant_spec {
	uint64_t revision;
	uint64_t pool_key;	/* differs if and only if a running pool must be replaced */
	bool is_suspended;
	bool has_network, has_programs, mail_is_open;
	uint32_t uid;
	uint32_t max_children;
	uint32_t backlog;	/* of the listener */
	uint32_t drain_s;	/* time in which every running request ends */
	struct spec_limits limits;
	char site[SITE_MAX];
};

/* Reads and checks NUMBER's record.  FULL may be NULL.  err->sys is ENOENT
 * where there is none. */
int tenant_spec_read(const struct place *p, uint32_t number, struct tenant_spec *out,
		     struct jail_spec *full, struct err *err);

/* Checks a record and takes from it what is kept.  Pure. */
int tenant_spec_from(const struct jail_spec *full, uint32_t number, struct tenant_spec *out,
		     struct err *err);

/* Calls back for the number of each record that is there, until a call returns anything
 * but 0; returns that.  -1 also where the folder cannot be read to its end: what was not
 * named then may still be there. */
int tenant_spec_each(const struct place *p, int (*each)(uint32_t number, void *arg), void *arg,
		     struct err *err);

#endif
