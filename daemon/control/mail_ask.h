/* SPDX-License-Identifier: Apache-2.0 */
/* Asking tenant-mail what a tenant has sent. */
#ifndef DAEMON_CONTROL_MAIL_ASK_H
#define DAEMON_CONTROL_MAIL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/mail_wire.h"

/* False if tenant-mail does not answer within a second: mail is away, and the rest of
 * a status is not. */
bool mail_ask(const char *run_dir, uint32_t number, struct mail_count *out);

#endif
