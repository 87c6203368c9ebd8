/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running nginx: its master process, its workers, and which revision of
 * our files it has loaded.
 */
#ifndef TENANTS_NGINX_MASTER_H
#define TENANTS_NGINX_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "schema/settings.h"

#define NGINX_WORKERS_MAX 256

struct nginx_master {
	int pidfd;		/* no signal reaches another process of the same number */
	pid_t pid;
	pid_t worker[NGINX_WORKERS_MAX];	/* those that accept; nginx_master_note() */
	size_t workers;
};

/* Finds the master by its pid file.  ERR_NGINX if none lives; says how to start it. */
int nginx_master_find(const struct settings *s, struct nginx_master *out, struct err *err);
void nginx_master_close(struct nginx_master *m);

/* Notes the workers that accept now. */
void nginx_master_note(struct nginx_master *m);

/* Has it load its files again (SIGHUP). */
int nginx_master_reload(const struct nginx_master *m, struct err *err);

/* Waits until new workers answer REVISION and none of the noted ones accepts
 * any more.  1 if that is not so after LIMIT_MS; ERR_NGINX if nginx ends. */
int nginx_master_wait(const struct nginx_master *m, const struct settings *s, uint32_t revision,
		      int limit_ms, struct err *err);

/* Removes a socket that a killed nginx left: the next one could not bind it.
 * Nothing is done while somebody listens there. */
void nginx_master_clear_socket(const struct settings *s);

#endif
