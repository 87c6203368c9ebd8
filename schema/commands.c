/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. */
#include "schema/commands.h"

#include <stddef.h>
#include <string.h>

const struct command_row command_rows[COMMAND_IDS] = {
#define COMMAND(id, word, method, path, arguments, changes, sentence) \
	{ COMMAND_##id, word, method, path, arguments, changes, sentence },
#include "schema/commands.def"
#undef COMMAND
};

const struct command_row *command_by_word(const char *word)
{
	for (int i = 0; i < COMMAND_IDS; i++)
		if (strcmp(command_rows[i].word, word) == 0)
			return &command_rows[i];
	return NULL;
}
