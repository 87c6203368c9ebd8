/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message as it comes from a client (schema/mail_wire.def), in pieces of any
 * size, into a file as the mailer shall have it.  Every byte is an attacker's.
 * Nothing of it waits, looks at a clock or knows a tenant.
 */
#ifndef DAEMON_MAIL_MAIL_READER_H
#define DAEMON_MAIL_MAIL_READER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/mail/mail_address.h"
#include "schema/mail_wire.h"

enum mail_part { MAIL_PART_HEAD, MAIL_PART_TEXTS, MAIL_PART_SIZE, MAIL_PART_DATA, MAIL_PART_END };

struct mail_reader {
	/* Set by the caller before the first byte. */
	const char *identity;		/* line in front of the headers, with its LF */
	uint64_t size_max;		/* bytes of a message */
	FILE *file;			/* borrowed */

	struct mail_head head;		/* whole once the part is past MAIL_PART_HEAD */
	enum mail_part part;
	size_t have;			/* bytes of the part */
	uint32_t piece;			/* its size, then what is left of it */
	uint64_t size;			/* of the message, as it came */
	char sender[MAIL_ADDRESS_MAX];	/* empty, an address, or "<>" */
	struct mail_addresses to;
	bool is_body;
	bool has_cr;			/* the last byte was a CR */
	char *texts;
	char *headers;			/* until they are whole */
	size_t header_size, header_room;
	size_t header_end;		/* so far */
};

/* Takes SIZE bytes.  After MAIL_PART_END none are wanted.  -1: refuse and close;
 * the error says why, ERR_BAD_RECORD where the client does not speak as it should. */
int mail_reader_take(struct mail_reader *r, const char *data, size_t size, struct err *err);

void mail_reader_done(struct mail_reader *r);

#endif
