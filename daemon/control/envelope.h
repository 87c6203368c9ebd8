/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one form of all replies:
 * {"metadata":{"command","result","reason","version"},"data":...}.
 */
#ifndef DAEMON_CONTROL_ENVELOPE_H
#define DAEMON_CONTROL_ENVELOPE_H

#include <jansson.h>

#include "base/err.h"

#define FIELD_MAX 96

#define ANSWER_FDS_MAX 4

/* Outcome of a request on its way to the HTTP thread. */
struct answer {
	int http_status;
	char *body;		/* malloc'ed; the owner of the answer frees it */
	int fds[ANSWER_FDS_MAX];	/* that go with it, also the owner's */
	size_t fd_count;
};

/* Text as a JSON string; bytes that are no UTF-8 become '?'. */
json_t *envelope_text(const char *s);

/* "done" or "unchanged".  DATA is taken; REASON is a sentence or "". */
void envelope_done(struct answer *out, const char *command, const char *result,
		   const char *reason, json_t *data);

/* "failed"; FIELD names what in the request is wrong, or is "". */
void envelope_failed(struct answer *out, const char *command, const struct err *why,
		     const char *field);

#endif
