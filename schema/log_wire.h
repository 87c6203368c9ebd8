/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor tells tenant-log on its descriptor 3 (SOCK_SEQPACKET), and
 * what comes back, one struct per message.
 */
#ifndef SCHEMA_LOG_WIRE_H
#define SCHEMA_LOG_WIRE_H

#include <stdint.h>

#include "schema/wire.h"

#define LOG_WIRE_FD 3
#define LOG_AUDIT_FD 4		/* netlink: the kernel's records of killed calls; or none */

#define CALL_NAME_MAX 32
/* Of one site so many kinds of calls are told apart, so that nobody fills a table and
 * hides what others did; the last is all the rest. */
#define VIOLATION_CALLS 8
#define VIOLATION_OTHERS "others"	/* in place of a name: calls of many kinds */
#define VIOLATIONS_PER_S 256	/* messages back */

enum log_verb {
	/* Copy from the first descriptor that comes along, a named pipe, to the
	 * second, a file opened for appending.  Replaces an earlier pair. */
	LOG_ATTACH = 1,
	LOG_DETACH,		/* copy what is there, then let go of all the tenant's */
	/* Lines of nginx's log that begin with the site's name and a blank go to the file that
	 * comes along.  Replaces an earlier one. */
	LOG_SITE,
	LOG_FORGET,		/* the site is gone */
	/* Part nginx's log: a struct log_position, the log, and where there is one the log that
	 * it was before.  Both may grow. */
	LOG_STREAM,
};

/* The logs of a site: those that its pool writes, then tenant-mail's. */
enum log_which { LOG_PHP, LOG_SLOW, LOG_ACCESS, LOG_MAIL, LOGS };
#define POOL_LOGS LOG_MAIL

/* How far the two were parted, in a file that outlives tenant-log. */
struct log_position {
	struct {
		uint64_t inode, offset;
	} log, old;
};

#define STRUCTS_OF "schema/log_wire.def"
#include "schema/structs.def"

#endif
