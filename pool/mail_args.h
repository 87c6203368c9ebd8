/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs say to sendmail on its command line, as far as it has a meaning
 * in a cage: whom it is from and for.  What would steer the mailer of the host
 * is refused here, and could not reach it: tenant-mail takes addresses alone.
 */
#ifndef POOL_MAIL_ARGS_H
#define POOL_MAIL_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/mail_wire.h"

#define MAIL_COMMAND_MAX 4096

struct mail_args {
	char sender[MAIL_ADDRESS_MAX];	/* empty: none was given */
	bool reads_headers;		/* -t */
	bool ends_at_dot;		/* neither -i nor -oi: a line "." ends the message */
	char *recipients[MAIL_RECIPIENTS_MAX];	/* borrowed */
	size_t recipient_count;
};

/* WORDS without the program's name.  ERR_USAGE. */
int mail_args_parse(int count, char *const *words, struct mail_args *out, struct err *err);

/* Cuts a command line, of which PHP has escaped the script's part, into words as
 * a shell would; what only a shell could do is refused.  TEXT is written over.
 * Returns the number of words, at most MAX, or -1. */
int mail_args_split(char *text, char **words, int max, struct err *err);

#endif
