/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of name-value pairs, one state per part of a pair. */
#include "pool/pairs.h"

#include <string.h>

enum { NAME_LENGTH, VALUE_LENGTH, NAME, VALUE };

/* One byte of a length: short lengths have one byte, long ones four with the
 * high bit of the first set.  Returns true when the length is complete. */
static bool take_length(struct pairs *d, unsigned char byte)
{
	uint32_t *size = &d->size[d->part];

	if (d->length_bytes == 0) {
		*size = byte & 0x7f;
		d->length_bytes = 1;
		return !(byte & 0x80);
	}
	*size = *size << 8 | byte;
	return ++d->length_bytes == 4;
}

static int begin_texts(struct pairs *d, struct params *out)
{
	for (int i = 0; i < 2; i++) {
		d->text[i] = params_room(out, (size_t)d->size[i] + 1);
		if (!d->text[i])
			return -1;
	}
	return 0;
}

static int put(struct params *out, char *name, size_t name_size, char *value, size_t value_size)
{
	name[name_size] = '\0';
	value[value_size] = '\0';
	return name_size == 0 ? 0 : params_put(out, name, name_size, value);
}

static size_t length_at(const unsigned char *data, size_t size, size_t *out)
{
	if (size > 0 && !(data[0] & 0x80)) {
		*out = data[0];
		return 1;
	}
	if (size < 4)
		return 0;
	*out = (data[0] & 0x7fu) << 24 | data[1] << 16 | data[2] << 8 | data[3];
	return 4;
}

/* Nearly all pairs lie in one piece.  Returns how many bytes this one has; 0 if some
 * are missing; -1 as pairs_feed(). */
static int64_t take_whole(struct params *out, const unsigned char *data, size_t size)
{
	size_t name = 0, value = 0;
	size_t first = length_at(data, size, &name);
	size_t second = first ? length_at(data + first, size - first, &value) : 0;
	size_t at = first + second;

	if (second == 0 || size - at < name + value)
		return 0;
	char *text = params_room(out, name + value + 2);

	if (!text || memchr(data + at, '\0', name + value))
		return -1;
	memcpy(text, data + at, name);
	memcpy(text + name + 1, data + at + name, value);
	return put(out, text, name, text + name + 1, value) < 0 ? -1
							       : (int64_t)(at + name + value);
}

int pairs_feed(struct pairs *d, struct params *out, const unsigned char *data, size_t size)
{
	size_t at = 0;

	while (at < size || d->part >= NAME) {
		if (pairs_are_whole(d)) {
			int64_t n = take_whole(out, data + at, size - at);

			if (n < 0)
				return -1;
			at += (size_t)n;
			if (n > 0)
				continue;
		}
		if (d->part < NAME) {
			if (!take_length(d, data[at++]))
				continue;
			d->length_bytes = 0;
			if (++d->part == NAME && begin_texts(d, out) < 0)
				return -1;
			d->filled = 0;
			continue;
		}
		uint32_t want = d->size[d->part - NAME] - d->filled;
		size_t n = want < size - at ? want : size - at;

		memcpy(d->text[d->part - NAME] + d->filled, data + at, n);
		d->filled += (uint32_t)n;
		at += n;
		if (n < want)
			return 0;
		d->filled = 0;
		if (d->part == VALUE) {
			d->part = NAME_LENGTH;
			if (memchr(d->text[0], '\0', d->size[0]) ||
			    memchr(d->text[1], '\0', d->size[1]) ||
			    put(out, d->text[0], d->size[0], d->text[1], d->size[1]) < 0)
				return -1;
		} else {
			d->part = VALUE;
		}
	}
	return 0;
}

bool pairs_are_whole(const struct pairs *d)
{
	return d->part == NAME_LENGTH && d->length_bytes == 0;
}
