/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message on its way to tenant-mail, as PHP's mail() and the cage's sendmail
 * program send it.  Every wait has an end.
 */
#ifndef POOL_MAIL_CLIENT_H
#define POOL_MAIL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pool/mail_args.h"
#include "schema/mail_wire.h"

struct mail_client {
	int fd;
	int64_t end_ms;		/* of what goes on now */
	bool is_refused;	/* the other side has closed: there is an answer to read */
};

/* Connects and tells from whom and for whom.  ERR_FAILED if nobody listens. */
int mail_client_open(struct mail_client *c, const struct mail_args *args, struct err *err);

/* False if no more of the message is wanted. */
bool mail_client_write(struct mail_client *c, const void *data, size_t size);

/* Ends the message, waits for what became of it, and closes.  The text of OUT
 * always says something. */
void mail_client_end(struct mail_client *c, struct mail_answer *out);

/* Closes in the middle: nothing is sent. */
void mail_client_abandon(struct mail_client *c);

#endif
