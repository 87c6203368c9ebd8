/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a message: the recipients in them, and what the mailer gets
 * instead of them.  Pure functions over hostile bytes.
 */
#ifndef DAEMON_MAIL_MAIL_FIELDS_H
#define DAEMON_MAIL_MAIL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/mail/mail_address.h"

#define MAIL_FIELD_IDENTITY "X-Tenant"

/* True if the headers at the front of DATA end within SIZE, at *AT, where the body
 * begins.  *AT is 0 at first, and what the last call left when more has come.
 * IS_ALL: nothing follows. */
bool mail_fields_end(const char *data, size_t size, bool is_all, size_t *at);

/* Reads SIZE bytes of headers.  IDENTITY is a line that goes in front of them; what
 * is forged of that kind is left out, and Bcc where RECIPIENTS (else NULL) are
 * taken from To, Cc and Bcc.  OUT ends with the empty line; each line with LF. */
int mail_fields_read(const char *data, size_t size, const char *identity,
		     struct mail_addresses *recipients, struct text *out, struct err *err);

#endif
