/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors for an HTTP client on the unix socket: the reply is 101 (Switching
 * Protocols); then the client sends one byte, gets one byte with the descriptors
 * (SCM_RIGHTS), and the connection ends.  The client's byte is needed: only a
 * reader that has done with the reply's head may meet descriptors.
 */
#ifndef DAEMON_CONTROL_HANDOVER_H
#define DAEMON_CONTROL_HANDOVER_H

#include <microhttpd.h>

#include "daemon/control/envelope.h"

#define HANDOVER_PROTOCOL "tenantd-exec"	/* what the client asks for: Upgrade: */

/* True if the request's head asks for it. */
int handover_is_asked(struct MHD_Connection *connection);

/* Answers with the descriptors of A, which is part of the request and lives as
 * long: they are taken when the reply's head is out. */
enum MHD_Result handover_answer(struct MHD_Connection *connection, struct answer *a);

/* Ends those that wait for their client's byte, and waits for them. */
void handovers_stop(void);

#endif
