/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of access.format. */
#include "schema/access_format.h"

#include <stdbool.h>
#include <string.h>

/* Letters and the arguments they take: NULL none, "" any, else words. */
static const struct {
	char letter;
	const char *arguments;
	bool needs_one;
} letters[] = {
	{ 'C', " user system total ", false },
	{ 'd', " seconds miliseconds milliseconds mili milli microseconds micro ", false },
	{ 'e', "", true },
	{ 'f', NULL, false }, { 'l', NULL, false }, { 'm', NULL, false },
	{ 'M', " bytes kilobytes kilo megabytes mega ", false },
	{ 'n', NULL, false },
	{ 'o', "", true },
	{ 'p', NULL, false }, { 'P', NULL, false }, { 'q', NULL, false }, { 'Q', NULL, false },
	{ 'r', NULL, false }, { 'R', NULL, false }, { 's', NULL, false },
	{ 't', "", false }, { 'T', "", false },
	{ 'u', NULL, false },
	{ '%', NULL, false },
};

static bool is_word(const char *words, const char *word, size_t size)
{
	for (const char *at = words + 1; *at; at += strcspn(at, " ") + 1)
		if (strcspn(at, " ") == size && strncmp(at, word, size) == 0)
			return true;
	return false;
}

static bool fits(const struct access_part *p, bool has_argument)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		const char *words = letters[i].arguments;

		if (letters[i].letter != p->letter)
			continue;
		if (!has_argument)
			return !letters[i].needs_one;
		return words && p->size > 0 && (!*words || is_word(words, p->text, p->size));
	}
	return false;
}

int access_format_next(const char **at, struct access_part *out)
{
	struct access_part p = { .text = *at, .size = strcspn(*at, "%") };
	const char *end = NULL;

	if (!**at)
		return 0;
	if (p.size > 0) {
		*at += p.size;
		*out = p;
		return 1;
	}
	p.text = *at + 1;
	if (*p.text == '{') {
		p.text++;
		end = strchr(p.text, '}');
		if (!end)
			return -1;
		p.size = (size_t)(end - p.text);
		p.letter = end[1];
	} else {
		p.letter = *p.text;
	}
	if (!p.letter || !fits(&p, end))
		return -1;
	*at = end ? end + 2 : p.text + 1;
	*out = p;
	return 1;
}
