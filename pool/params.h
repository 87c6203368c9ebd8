/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of one request: what the web server says about it, by name.
 * The last of equal names wins, as with PHP-FPM.  Counts and bytes are bounded,
 * and a pointer into the table holds until params_clear().
 */
#ifndef POOL_PARAMS_H
#define POOL_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#define PARAMS_COUNT_MAX 16384
#define PARAMS_BYTES_MAX (2u * 1024 * 1024)	/* names and values, with terminators */

struct param {
	char *name, *value;	/* terminated; value is NULL for one that was removed */
	uint32_t name_size;	/* without the terminator */
	uint32_t hash;
	uint32_t slot;
};

struct params_block;

/* Zeroed means empty. */
struct params {
	struct param *row;	/* in order of arrival; skip rows without value */
	uint32_t count, room;
	uint16_t *slot;		/* open addressing: row number plus one, 0 is free */
	size_t bytes;		/* handed out by params_room() since params_clear() */
	struct params_block *blocks;
};

/* The value, or NULL.  The caller may change it in place, but not lengthen it. */
char *params_get(const struct params *p, const char *name);

/* Sets a copy of the value, or removes the name if VALUE is NULL.  Returns the
 * value in the table; NULL also where a limit or memory is exhausted. */
char *params_set(struct params *p, const char *name, const char *value);

/* Room for text that lives as long as the table's content, counted against
 * PARAMS_BYTES_MAX.  NULL at the limit. */
char *params_room(struct params *p, size_t size);

/* Puts a pair that lies in params_room().  0, or -1 at a limit. */
int params_put(struct params *p, char *name, size_t name_size, char *value);

/* Forgets all pairs and keeps one block of memory for the next request. */
void params_clear(struct params *p);

void params_free(struct params *p);

#endif
