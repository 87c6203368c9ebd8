/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a request's parameters: rows in order, a hash over them, and
 * blocks of text that never move, since PHP keeps pointers into them. */
#include "pool/params.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_ROW 2u	/* a power of two, as the number of rows is */
#define BLOCK_BYTES (16u * 1024)

struct params_block {
	struct params_block *next;
	size_t used, size;
	char data[];
};

/* Eight bytes at a time, the last eight even if some have been taken before.  Names
 * come from visitors too, but PARAMS_COUNT_MAX bounds what chosen collisions can cost. */
static uint32_t hash_of(const char *name, size_t size)
{
	const uint64_t mix = UINT64_C(0x9e3779b97f4a7c15);
	bool is_short = size < sizeof(uint64_t);
	uint64_t h = size;
	uint64_t word = 0;

	for (; size > sizeof(word); name += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		h = (h ^ word) * mix;
		h ^= h >> 32;	/* a product carries only upwards */
	}
	if (!is_short)
		memcpy(&word, name + size - sizeof(word), sizeof(word));
	else
		while (size > 0)
			word = word << 8 | (unsigned char)name[--size];
	return (uint32_t)(((h ^ word) * mix) >> 32);
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t find_slot(const struct params *p, const char *name, size_t size, uint32_t hash)
{
	uint32_t last = p->room * SLOTS_PER_ROW - 1;
	uint32_t at = hash & last;

	while (p->slot[at] != 0) {
		const struct param *row = &p->row[p->slot[at] - 1];

		if (row->hash == hash && row->name_size == size &&
		    memcmp(row->name, name, size) == 0)
			return at;
		at = (at + 1) & last;
	}
	return at;
}

char *params_get(const struct params *p, const char *name)
{
	size_t size = strlen(name);
	uint32_t at = 0;

	if (!p->slot)
		return NULL;
	at = find_slot(p, name, size, hash_of(name, size));
	return p->slot[at] ? p->row[p->slot[at] - 1].value : NULL;
}

char *params_room(struct params *p, size_t size)
{
	struct params_block *b = p->blocks;
	char *out = NULL;

	if (size > PARAMS_BYTES_MAX || p->bytes > PARAMS_BYTES_MAX - size)
		return NULL;
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		b->next = p->blocks;
		b->used = 0;
		b->size = room;
		p->blocks = b;
	}
	out = b->data + b->used;
	b->used += size;
	p->bytes += size;
	return out;
}

static int grow(struct params *p)
{
	uint32_t room = p->room ? 2 * p->room : 64;
	struct param *row = NULL;
	uint16_t *slot = NULL;

	if (p->count < p->room)
		return 0;
	row = realloc(p->row, room * sizeof(*row));
	if (!row)
		return -1;
	p->row = row;
	slot = calloc((size_t)room * SLOTS_PER_ROW, sizeof(*slot));
	if (!slot)
		return -1;
	free(p->slot);
	p->slot = slot;
	p->room = room;
	for (uint32_t i = 0; i < p->count; i++) {
		row[i].slot = find_slot(p, row[i].name, row[i].name_size, row[i].hash);
		slot[row[i].slot] = (uint16_t)(i + 1);
	}
	return 0;
}

int params_put(struct params *p, char *name, size_t name_size, char *value)
{
	uint32_t hash = hash_of(name, name_size);
	uint32_t at = 0;

	if (grow(p) < 0)
		return -1;
	at = find_slot(p, name, name_size, hash);
	if (p->slot[at]) {
		p->row[p->slot[at] - 1].value = value;
		return 0;
	}
	if (p->count == PARAMS_COUNT_MAX)
		return -1;
	p->row[p->count] = (struct param){ name, value, (uint32_t)name_size, hash, at };
	p->slot[at] = (uint16_t)++p->count;
	return 0;
}

static char *copy_of(struct params *p, const char *text)
{
	size_t size = strlen(text) + 1;
	char *out = params_room(p, size);

	return out ? memcpy(out, text, size) : NULL;
}

char *params_set(struct params *p, const char *name, const char *value)
{
	char *own_name = NULL;
	char *own_value = NULL;

	if (!value) {
		if (params_get(p, name))
			(void)params_put(p, (char *)name, strlen(name), NULL);
		return NULL;
	}
	own_name = copy_of(p, name);
	own_value = copy_of(p, value);
	if (!own_name || !own_value || params_put(p, own_name, strlen(own_name), own_value) < 0)
		return NULL;
	return own_value;
}

void params_clear(struct params *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		p->slot[p->row[i].slot] = 0;
	p->count = 0;
	p->bytes = 0;
	while (p->blocks && (p->blocks->next || p->blocks->size > BLOCK_BYTES)) {
		struct params_block *next = p->blocks->next;

		free(p->blocks);
		p->blocks = next;
	}
	if (p->blocks)
		p->blocks->used = 0;
}

void params_free(struct params *p)
{
	params_clear(p);
	free(p->blocks);
	free(p->row);
	free(p->slot);
	*p = (struct params){ 0 };
}
