/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the next supervisor must know of a tenant's pool: RUN_DIR/pool/N/state,
 * root's, written before each step that it describes.
 */
#ifndef DAEMON_SUPERVISOR_POOL_RECORD_H
#define DAEMON_SUPERVISOR_POOL_RECORD_H

#include <stdint.h>

#include "base/err.h"

#define POOL_RECORD_MAGIC 0x544e5453u	/* "TNTS" */
#define POOL_RECORD_VERSION 1u

#define POOL_GENERATIONS 4	/* of one tenant, at the same time */

enum pool_role {
	POOL_OLD,		/* finishes or is being killed */
	POOL_NOW,		/* the one that serves or will */
	POOL_NEXT,		/* starting, to replace it */
};

struct pool_record_generation {
	uint32_t id;		/* K of gK; 0: none */
	int32_t pid;
	uint64_t start_time;	/* field 22 of /proc/PID/stat: tells reused pids apart */
	uint64_t pool_key;	/* of the spec it was started with */
	uint32_t is_ready;
	uint32_t role;		/* enum pool_role */
	uint32_t drain_s;	/* time in which its requests end */
	uint32_t reserved;
};

struct pool_record {
	uint32_t magic, version, size;
	uint32_t number;
	uint64_t listener;	/* inode of the socket; 0: none is bound */
	uint32_t last_generation;	/* the highest id that was ever given out */
	uint32_t reserved;
	struct pool_record_generation generation[POOL_GENERATIONS];
};

/* DIR is the folder pool/N.  A record that is not there, damaged or of another
 * version is an error; then nothing is adopted. */
int pool_record_read(int dir, uint32_t number, struct pool_record *out, struct err *err);
int pool_record_write(int dir, const struct pool_record *r, struct err *err);

/* Start time of a process; 0 if there is none. */
uint64_t pool_record_start_time(int pid);

#endif
