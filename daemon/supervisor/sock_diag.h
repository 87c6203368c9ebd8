/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of one of our unix listeners (sock_diag(7)). */
#ifndef DAEMON_SUPERVISOR_SOCK_DIAG_H
#define DAEMON_SUPERVISOR_SOCK_DIAG_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct sock_facts {
	uint32_t queue;		/* connections that wait */
	uint32_t backlog;	/* connections that may wait */
	uint32_t file_inode;	/* of the name it is bound to; 0: none */
};

/* The facts of the unix socket with this inode. */
int sock_diag_read(ino_t inode, struct sock_facts *out, struct err *err);

#endif
