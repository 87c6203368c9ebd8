/* SPDX-License-Identifier: Apache-2.0 */
/* Cleaning of text that goes to a terminal. */
#include "admin-cli/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of a character that begins with this one; 0: none does. */
static size_t length(unsigned char first)
{
	return first < 0x80 ? 1 : (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3
	       : (first & 0xf8) == 0xf0 ? 4 : 0;
}

/* Decodes one character (RFC 3629).  Returns its bytes, 0 if it is malformed. */
static size_t decode(const unsigned char *s, uint32_t *out)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = length(s[0]);

	if (n <= 1) {
		*out = s[0];
		return n;
	}
	uint32_t value = s[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)	/* the terminator, too */
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	if (value < lowest[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*out = value;
	return n;
}

static bool is_harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Soft hyphen, Arabic mark, zero width and direction marks, separators,
	 * embeddings, overrides and isolates, byte order mark, tags. */
	return c != 0xad && c != 0x61c && !(c >= 0x200b && c <= 0x200f) &&
	       !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff &&
	       !(c >= 0xe0000 && c <= 0xe007f);
}

void clean_add(struct text *out, const char *s)
{
	while (*s) {
		uint32_t c = 0;
		size_t n = decode((const unsigned char *)s, &c);

		if (n == 0 || !is_harmless(c))
			text_add(out, "?");
		else
			text_add(out, "%.*s", (int)n, s);
		s += n ? n : 1;
	}
}

void clean_add_rest(struct text *out, struct clean_part *part)
{
	part->held[part->count] = '\0';
	part->count = 0;
	clean_add(out, part->held);
}

void clean_add_piece(struct text *out, struct clean_part *part, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (((unsigned char)data[i] & 0xc0) != 0x80)
			clean_add_rest(out, part);
		if (data[i] == '\n' || data[i] == '\t') {
			text_add(out, "%c", data[i]);
			continue;
		}
		part->held[part->count++] = data[i] == '\r' || data[i] == '\0' ? ' ' : data[i];
		if (part->count >= length((unsigned char)part->held[0]))
			clean_add_rest(out, part);
	}
}

void clean_add_csv(struct text *out, const char *s)
{
	struct text clean = { 0 };

	clean_add(&clean, s);
	const char *text = clean.data ? clean.data : "";

	if (!strpbrk(text, ",\"")) {
		text_add(out, "%s", text);
	} else {
		text_add(out, "\"");
		for (; *text; text++)
			text_add(out, *text == '"' ? "\"\"" : "%c", *text);
		text_add(out, "\"");
	}
	text_free(&clean);
}
