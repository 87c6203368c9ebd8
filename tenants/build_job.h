/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job of tenant-build: a frame in, reply frames out.  Everything in the
 * frame is checked here again, whatever its sender has checked: the sender may
 * have been taken over.
 */
#ifndef TENANTS_BUILD_JOB_H
#define TENANTS_BUILD_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/settings.h"
#include "schema/wire.h"
#include "tenants/ledger.h"

/* Carries the job out; STEP frames and the last reply go to the socket OUT.
 * 0: done.  1: it failed and the reply says why, as err does.  -1: nobody
 * could be told. */
int build_job(const struct settings *s, const void *frame, size_t size, int out,
	      struct err *err);

/* What only the root side decides: guarded options against the settings, and
 * document roots that would publish what is private.  ERR_POLICY, ERR_BAD_OPTION. */
int build_check_policy(const struct settings *s, const struct wire_tenant *t, struct err *err);

/* Whether one more site may be removed at NOW (seconds since 1970), by what the
 * ledger tells of the last hour.  ERR_POLICY. */
int build_check_removals(const struct settings *s, const struct ledger *l, int64_t now,
			 struct err *err);

#endif
