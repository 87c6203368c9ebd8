/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenantd's envelope: {"metadata":{"command","result","reason","version"},
 * "data":...}.  A failure's data is {"code","field","sentence"}.
 */
#ifndef ADMIN_CLI_REPLY_H
#define ADMIN_CLI_REPLY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "schema/commands.h"

/* Bytes of a reply, and of what is made of it: a list of 10,000 sites with long
 * names has ten million. */
#define REPLY_MAX (64 * 1024 * 1024)

struct reply {
	json_t *root;		/* owned */
	const json_t *data;	/* in root; JSON's null if there was none */
	const char *reason;	/* a sentence, in root; or "" */
	bool is_failed, is_unchanged;
};

/* Reads an envelope.  ERR_NO_DAEMON if the text is none: then whoever listens
 * on the socket is not tenantd. */
int reply_parse(struct reply *out, const char *text, struct err *err);
void reply_done(struct reply *r);

/* The error of a failed reply as a struct err, its text clean for a terminal. */
void reply_error(const struct reply *r, struct err *out);

/* Makes the envelope of an error that arose here. */
int reply_from_error(struct reply *out, const char *command, const struct err *error,
		     struct err *err);

/* Appends the envelope in one line of ASCII; what a terminal could act upon
 * is escaped as JSON does it. */
void reply_dump(struct text *out, const struct reply *r);

#endif
