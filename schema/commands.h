/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of tenantctl, their flags, and the routes of the API: from
 * commands.def, flags.def and reads.def.
 */
#ifndef SCHEMA_COMMANDS_H
#define SCHEMA_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum flag_id {
#define FLAG(id, word, letter, value, times, place, field, kind, sentence) FLAG_##id,
#include "schema/flags.def"
#undef FLAG
	FLAG_IDS
};

enum flag_times { FLAG_ONCE, FLAG_MANY };
enum flag_place { FLAG_GENERAL, FLAG_HERE, FLAG_BODY, FLAG_QUERY };

/* What completion offers. */
enum word_kind { KIND_NONE, KIND_SITE, KIND_REMOVED, KIND_ALIAS, KIND_PLAN, KIND_PHP, KIND_CLASS,
		 KIND_FORMAT, KIND_FILE };

struct flag_row {
	enum flag_id id;
	const char *word;	/* with its dashes */
	char letter;		/* 0: none */
	const char *value;	/* "": a switch */
	enum flag_times times;
	enum flag_place place;
	const char *field;	/* of the request, or "" */
	enum word_kind kind;
	const char *sentence;
};

extern const struct flag_row flag_rows[FLAG_IDS];

/* Commands first, then the routes that are none. */
enum command_id {
#define COMMAND(id, word, method, path, operand, rest, flags, changes, sentence, example) \
	COMMAND_##id,
#include "schema/commands.def"
#undef COMMAND
	COMMAND_IDS,
	COMMAND_LAST = COMMAND_IDS - 1,
#define READ(id, word, path, sentence) ROUTE_##id,
#include "schema/reads.def"
#undef READ
	ROUTE_IDS
};

enum command_operand { OPERAND_NONE, OPERAND_SITE, OPERAND_MAYBE_SITE, OPERAND_REMOVED,
		       OPERAND_PLAN, OPERAND_SITES, OPERAND_FOLDER };
enum command_rest { REST_NONE, REST_OPTIONS, REST_HOSTS, REST_WORDS };

struct command_row {
	enum command_id id;
	const char *word;	/* "add", "plan add" */
	const char *method;	/* of HTTP; "" with an empty path */
	const char *path;	/* with {site} or {plan} */
	enum command_operand operand;
	enum command_rest rest;
	uint64_t flags;		/* bits by flag_id, without the general ones */
	int changes;		/* 1: it changes something */
	const char *sentence;
	const char *example;	/* "" for a route that is no command */
};

/* [0, COMMAND_IDS) are the commands. */
extern const struct command_row command_rows[ROUTE_IDS];

/* The command of this whole word, or NULL. */
const struct command_row *command_by_word(const char *word);

/* Whether this is the first of the two words of some commands: "plan". */
bool command_is_group(const char *word);

/* Whether the row's word is WORD, or begins with it as its first of two. */
bool command_is_in_group(const struct command_row *row, const char *word);

/* Whether the command knows the flag. */
bool command_takes(const struct command_row *row, const struct flag_row *flag);

/* Appends what may stand behind `tenantctl`, without the general flags:
 * "add SITE [--plan PLAN] [OPTION=VALUE]...". */
void command_synopsis(const struct command_row *row, struct text *out);

#endif
