/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of commands and flags. */
#include "schema/commands.h"

#include <stddef.h>
#include <string.h>

_Static_assert(FLAG_IDS <= 64, "the flags of a command are bits of one number");

const struct flag_row flag_rows[FLAG_IDS] = {
#define FLAG(id, word, letter, value, times, place, field, kind, sentence)           \
	{ FLAG_##id, word, letter, value, FLAG_##times, FLAG_##place, field, KIND_##kind, \
	  sentence },
#include "schema/flags.def"
#undef FLAG
};

#define F(id) (UINT64_C(1) << FLAG_##id)

const struct command_row command_rows[ROUTE_IDS] = {
#define COMMAND(id, word, method, path, operand, rest, flags, changes, sentence, example) \
	{ COMMAND_##id, word, method, path, OPERAND_##operand, REST_##rest, flags, changes,  \
	  sentence, example },
#include "schema/commands.def"
#undef COMMAND
#define READ(id, word, path, sentence) \
	{ ROUTE_##id, word, "GET", path, OPERAND_NONE, REST_NONE, 0, 0, sentence, "" },
#include "schema/reads.def"
#undef READ
};

const struct command_row *command_by_word(const char *word)
{
	for (int i = 0; i < COMMAND_IDS; i++)
		if (strcmp(command_rows[i].word, word) == 0)
			return &command_rows[i];
	return NULL;
}

bool command_is_in_group(const struct command_row *row, const char *word)
{
	size_t n = strlen(word);

	return strncmp(row->word, word, n) == 0 && (row->word[n] == ' ' || row->word[n] == '\0');
}

bool command_is_group(const char *word)
{
	for (int i = 0; i < COMMAND_IDS; i++)
		if (command_is_in_group(&command_rows[i], word) &&
		    command_rows[i].word[strlen(word)] == ' ')
			return true;
	return false;
}

bool command_takes(const struct command_row *row, const struct flag_row *flag)
{
	return flag->place == FLAG_GENERAL || (row->flags & UINT64_C(1) << flag->id);
}

void command_synopsis(const struct command_row *row, struct text *out)
{
	static const char *const operands[] = {
		[OPERAND_NONE] = "", [OPERAND_SITE] = " SITE", [OPERAND_MAYBE_SITE] = " [SITE]",
		[OPERAND_REMOVED] = " SITE", [OPERAND_PLAN] = " PLAN",
		[OPERAND_SITES] = " [SITE]", [OPERAND_FOLDER] = " FOLDER",
	};
	static const char *const rests[] = {
		[REST_NONE] = "", [REST_OPTIONS] = " [OPTION=VALUE]...", [REST_HOSTS] = " HOST...",
		[REST_WORDS] = " -- PROGRAM [WORD]...",
	};

	text_add(out, "%s%s", row->word, operands[row->operand]);
	for (int i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];

		if (flag->place != FLAG_GENERAL && command_takes(row, flag))
			text_add(out, " [%s%s%s]%s", flag->word, *flag->value ? " " : "",
				 flag->value, flag->times == FLAG_MANY ? "..." : "");
	}
	text_add(out, "%s", rests[row->rest]);
}
