/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of tenantctl as plain data.  Knows the grammar and the
 * table of commands; whether a name or a value is right is for tenantd to say,
 * so that both never disagree.  No side effects.
 */
#ifndef ADMIN_CLI_ARGS_H
#define ADMIN_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/commands.h"

#define ARGS_LIST_MAX 128	/* aliases, and options, of one command line */

/* What `list` lists. */
enum args_list { LIST_SITES, LIST_REMOVED, LIST_PLANS };

enum args_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_PLAIN, FORMAT_JSON };

/* Borrows all texts from argv. */
struct args {
	const struct command_row *command;	/* NULL: none was given */
	const char *site;			/* NULL: none was given */
	const char *plan;			/* NULL: none was given */
	const char *reason;			/* NULL: none was given */
	const char *socket;			/* NULL: none was given */
	const char *alias[ARGS_LIST_MAX];
	size_t alias_count;
	const char *option[ARGS_LIST_MAX];	/* "name=value", the name not empty */
	size_t option_count;
	enum args_format format;
	enum args_list list;
	bool is_help, is_version;
};

/* Reads the words after the program's name.  With --help or --version nothing
 * else needs to be complete.  ERR_USAGE. */
int args_parse(struct args *out, int argc, char **argv, struct err *err);

#endif
