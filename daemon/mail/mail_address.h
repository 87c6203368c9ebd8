/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail addresses.  They become arguments of the host's mailer, so only plain ones
 * are taken: no quoted local part, no route, nothing without a domain.  Pure
 * functions over hostile bytes.
 */
#ifndef DAEMON_MAIL_MAIL_ADDRESS_H
#define DAEMON_MAIL_MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/mail_wire.h"

struct mail_addresses {
	size_t count;
	char at[MAIL_RECIPIENTS_MAX][MAIL_ADDRESS_MAX];
};

bool mail_address_is_good(const char *text, size_t size);

/* Adds one; one that is there already is not added again.  ERR_USAGE. */
int mail_addresses_add(struct mail_addresses *to, const char *text, size_t size, struct err *err);

/* Adds those of a header's value (RFC 5322 3.4): names, comments, groups. */
int mail_addresses_read(struct mail_addresses *to, const char *value, size_t size,
			struct err *err);

#endif
