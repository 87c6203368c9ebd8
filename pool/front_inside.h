/* SPDX-License-Identifier: Apache-2.0 */
/* What front.c and front_manage.c share, and nobody else sees. */
#ifndef POOL_FRONT_INSIDE_H
#define POOL_FRONT_INSIDE_H

#include "pool/front.h"

/* The header of one. */
struct front_record {
	uint8_t type;
	uint16_t id;
	uint32_t content, padding;
};

/* ---- front.c ---- */

/* Hands out what the buffer holds of the next SIZE bytes, at least one; 0 if none came. */
size_t front_chunk(struct front *f, size_t size, const unsigned char **out, uint64_t deadline);

/* Reads SIZE bytes that nobody wants.  False if they did not come. */
bool front_skip(struct front *f, size_t size, uint64_t deadline);

/* ---- front_manage.c: what is not answered by PHP ---- */

/* Reads the rest of a management record and answers it. */
bool front_answer_management(struct front *f, const struct front_record *r, uint64_t deadline);

/* Says that request ID has ended, with this FCGI_REQUEST_COMPLETE or the like. */
bool front_send_end(struct front *f, uint16_t id, uint8_t status);

#endif
