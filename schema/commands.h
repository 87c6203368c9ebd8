/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of tenantctl and routes of the API, from commands.def. */
#ifndef SCHEMA_COMMANDS_H
#define SCHEMA_COMMANDS_H

enum command_id {
#define COMMAND(id, word, method, path, arguments, changes, sentence) COMMAND_##id,
#include "schema/commands.def"
#undef COMMAND
	COMMAND_IDS
};

struct command_row {
	enum command_id id;
	const char *word;
	const char *method;	/* of HTTP */
	const char *path;	/* with {site} */
	const char *arguments;
	int changes;		/* 1: it changes something */
	const char *sentence;
};

extern const struct command_row command_rows[COMMAND_IDS];

/* The row by its word, or NULL. */
const struct command_row *command_by_word(const char *word);

#endif
