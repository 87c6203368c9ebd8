/* SPDX-License-Identifier: Apache-2.0 */
/* The column `next` of errors.def, with its marks filled in. */
#include "admin-cli/advice.h"

#include <string.h>

#include "admin-cli/clean.h"
#include "schema/errors.h"

static void add_command(struct text *out, const struct args *a)
{
	text_add(out, "%s", !a ? "" : a->command ? a->command->word : a->group ? a->group : "");
}

static void add_name(struct text *out, const struct args *a)
{
	clean_add(out, a && a->operand ? a->operand : "");
}

static void add_show(struct text *out, const struct args *a)
{
	bool is_plan = a && a->command && a->command->operand == OPERAND_PLAN;

	if (!a || !a->operand) {
		text_add(out, "list");
		return;
	}
	text_add(out, is_plan ? "plan show " : "show ");
	add_name(out, a);
}

static const struct {
	const char *word;
	void (*add)(struct text *out, const struct args *a);
} marks[] = {
	{ "{command}", add_command },
	{ "{name}", add_name },
	{ "{show}", add_show },
};

/* Length of the mark that S begins with, which is filled in; or 0. */
static size_t fill_mark(struct text *out, const char *s, const struct args *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		size_t n = strlen(marks[i].word);

		if (strncmp(s, marks[i].word, n) == 0) {
			marks[i].add(out, a);
			return n;
		}
	}
	return 0;
}

void advice_add(struct text *out, int code, const struct args *a)
{
	text_add(out, "next: ");
	for (const char *s = error_row(code)->next; *s;) {
		size_t n = fill_mark(out, s, a);

		/* A mark may be empty; its blank then is one too many. */
		if (n && out->size && out->data[out->size - 1] == ' ' && s[n] == ' ')
			n++;
		if (!n)
			text_add(out, "%c", *s);
		s += n ? n : 1;
	}
	text_add(out, "\n");
}
