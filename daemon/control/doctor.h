/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tenantctl doctor`: can this machine hold what is promised?  The checks are
 * the rows of schema/doctor.def; what needs root is asked of the supervisor.
 * Changes nothing, takes seconds at most.
 */
#ifndef DAEMON_CONTROL_DOCTOR_H
#define DAEMON_CONTROL_DOCTOR_H

#include <jansson.h>

#include "base/str.h"
#include "daemon/control/live.h"
#include "schema/settings.h"
#include "tenants/store/store.h"

/* {"checks":[{"id","result","checked","found","advice"}],"ok","failed","skipped"};
 * NULL without memory. */
json_t *doctor_run(const struct settings *set, struct store *s, struct live *live);

/* doctor_nginx.c.  The program's version, times 1000 plus the second part
 * (1.22 is 1022); 0 with FOUND telling why not. */
int doctor_nginx_version(const char *program, struct text *found);

/* doctor_net.c.  True if sites can reach one of their name servers; FOUND names them. */
bool doctor_resolver(const struct settings *set, struct text *found);

/* doctor_mail.c.  1: the mailer is there; 0: no site may send mail; -1: it is missing, or *ERR
 * tells why nobody knows.  FOUND tells which. */
int doctor_mailer(const struct settings *set, struct store *s, struct text *found,
		  struct err *err);

/* Appends the place of each default_server for an address of LISTEN (as the
 * setting) in CONF and what it includes, without the files below OURS; a file
 * that cannot be read counts in *out_unread. */
void doctor_nginx_default(const char *conf, const char *ours, const char *listen,
			  struct text *found, unsigned *out_unread);

#endif
