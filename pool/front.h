/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard in front of libfcgi: everything a client sends is read and checked
 * here.  libfcgi has no limit on parameters, takes a request whose parameters
 * were cut off, answers no unknown role, and loses what a client wrote ahead;
 * so it gets to see no byte of the client (pool/answer.h).
 *
 * One request at a time on a connection (FCGI_MPXS_CONNS is 0); whatever does
 * not keep to the specification ends the connection.
 */
#ifndef POOL_FRONT_H
#define POOL_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pool/params.h"

#define FRONT_HEAD_MS 30000		/* a request's head must be there after this time */
#define FRONT_QUIET_MS 5000		/* and something of it, or more of it, after this */
#define FRONT_HEAD_BYTES (4u * 1024 * 1024)	/* of all records before the body */
#define FRONT_BUFFER 16384

struct front {
	int fd;			/* borrowed, blocking or not */
	uint32_t capacity;	/* what FCGI_MAX_CONNS and FCGI_MAX_REQS are answered with */
	uint64_t body_wait_ms;	/* longest silence while the body is read */
	uint64_t quiet_ms;	/* and now */

	uint16_t id;		/* of the running request; 0 if there is none */
	uint8_t role;		/* one of FCGI_RESPONDER, FCGI_AUTHORIZER, FCGI_FILTER */
	bool keep;		/* the client wants the connection kept */
	bool body_ended;
	bool failed;		/* gone, silent or wrong: the connection is of no more use */
	uint32_t content, padding;	/* left of the current STDIN record */
	uint32_t budget;	/* bytes the head may still take */
	size_t at, end;
	unsigned char buffer[FRONT_BUFFER];
};

enum front_next {
	FRONT_REQUEST,		/* PARAMS holds the parameters, all of them */
	FRONT_CLOSED,		/* the client has gone, or sent nothing in time */
	FRONT_REFUSED,		/* the client was wrong */
};

void front_open(struct front *f, int fd, uint32_t capacity, uint64_t body_wait_ms);

/* Reads the head of the next request, answering management records on the way. */
enum front_next front_next(struct front *f, struct params *out);

/* Reads from the body.  The count; 0 at its end, and for ever after a failure. */
size_t front_read(struct front *f, void *data, size_t size);

/* Reads the rest of the body, for at most this time, so that the next request
 * begins at a record and the client can finish writing.  True if the connection
 * can carry another request. */
bool front_drain(struct front *f, uint64_t limit_ms);

/* True if bytes of a next request are there already. */
bool front_has_more(const struct front *f);

#endif
