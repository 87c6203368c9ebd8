/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes FastCGI name-value pairs (FastCGI specification, 3.4) from a stream
 * that may be cut anywhere, into a table of parameters.  Lengths are checked
 * before anything is allocated.
 */
#ifndef POOL_PAIRS_H
#define POOL_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/params.h"

/* Zeroed means: at the beginning. */
struct pairs {
	uint8_t part;		/* name's length, value's length, name, value */
	uint8_t length_bytes;	/* of the length being read */
	uint32_t size[2];	/* of name and value */
	char *text[2];
	uint32_t filled;	/* of the text being read */
};

/* Takes the next bytes.  0; -1 if a limit is passed, or if a name or value
 * holds a NUL byte, which would mean one thing here and another in a path. */
int pairs_feed(struct pairs *d, struct params *out, const unsigned char *data, size_t size);

/* True unless the stream ends inside a pair. */
bool pairs_are_whole(const struct pairs *d);

#endif
