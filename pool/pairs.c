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

static int end_pair(struct pairs *d, struct params *out)
{
	size_t name = d->size[0];
	size_t value = d->size[1];

	d->text[0][name] = '\0';
	d->text[1][value] = '\0';
	if (memchr(d->text[0], '\0', name) || memchr(d->text[1], '\0', value))
		return -1;
	d->part = NAME_LENGTH;
	return name == 0 ? 0 : params_put(out, d->text[0], name, d->text[1]);
}

int pairs_feed(struct pairs *d, struct params *out, const unsigned char *data, size_t size)
{
	size_t at = 0;

	while (at < size || d->part >= NAME) {
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
			if (end_pair(d, out) < 0)
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
