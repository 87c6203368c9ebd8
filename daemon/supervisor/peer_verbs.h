/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of peers (schema/verbs.def) that are not what they may send end their connection. */
#ifndef DAEMON_SUPERVISOR_PEER_VERBS_H
#define DAEMON_SUPERVISOR_PEER_VERBS_H

#include "daemon/supervisor/peer.h"

/* Carries out a frame that wire_check() has let through, and sends the reply or leaves it
 * to who will have it.  The peer may be gone afterwards.  -1 and ERR_BAD_RECORD if it is
 * not expected, or not now. */
int peer_verb(struct peer *c, const void *frame, size_t size, struct err *err);

#endif
