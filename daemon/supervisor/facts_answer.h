/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the kernel for tenant-control: the verbs FACTS and JAIL. */
#ifndef DAEMON_SUPERVISOR_FACTS_ANSWER_H
#define DAEMON_SUPERVISOR_FACTS_ANSWER_H

#include "daemon/supervisor/pool.h"
#include "schema/wire.h"

void facts_machine(const struct pools *ps, struct wire_machine *out);

/* Writes them into the run folder, so that also without us it is known what is not
 * enforced here. */
int facts_record(const struct pools *ps, struct err *err);

/* Of the pool that serves.  ERR_UNKNOWN_SITE; ERR_CONFLICT where none lives. */
int facts_jail(const struct pools *ps, uint32_t number, struct wire_jail *out, struct err *err);

#endif
