/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of nginx's files.  Pure: settings and a tenant in, text out.
 * Everything that reaches the text has been checked before: host names are
 * A-labels, paths and words hold no character that means something to nginx.
 */
#ifndef TENANTS_VHOST_H
#define TENANTS_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "schema/settings.h"
#include "schema/wire.h"

#define VHOST_SIZE_MAX 65536	/* of one site's file: 65 names of 254 octets, and the rest */
#define VHOST_SHARED_FILE "00-tenantd.conf"
#define VHOST_SOCKET "nginx.sock"	/* in run_dir; answers the revision */
#define VHOST_STATUS_SOCKET "status.sock"	/* in run_dir; tenant-control's */
#define VHOST_GATEWAY_GRACE_S 5		/* nginx waits so much longer than the pool */

/* The virtual host of one tenant: its site, or 503 while it is suspended. */
void vhost_render(const struct settings *s, uint32_t number, const struct wire_tenant *t,
		  struct text *out);

/* True if the virtual host in TEXT answers for HOST. */
bool vhost_answers(const char *text, const char *host);

/* What all share: log format, limits, the closed default server, and the
 * server that tells which revision nginx has loaded. */
void vhost_render_shared(const struct settings *s, uint32_t revision, struct text *out);

#endif
