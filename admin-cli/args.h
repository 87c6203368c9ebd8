/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of tenantctl as plain data.  Knows the grammar and the
 * tables of commands and flags; whether a name or a value is right is for
 * tenantd to say, so that both never disagree.  No side effects.
 */
#ifndef ADMIN_CLI_ARGS_H
#define ADMIN_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/commands.h"

#define ARGS_LIST_MAX 128	/* values of flags that are lists, and words at the end */

enum args_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_PLAIN, FORMAT_JSON, FORMATS };
extern const char *const args_formats[FORMATS];

/* A flag that may be given several times, once. */
struct args_item {
	enum flag_id flag;
	const char *value;
};

/* Borrows all texts from argv. */
struct args {
	const struct command_row *command;	/* NULL: none was given */
	const char *group;			/* "plan" without its second word, for help */
	const char *operand;			/* site or plan; NULL: none was given */
	const char *flag[FLAG_IDS];		/* the value, "" of a switch; NULL: not given */
	struct args_item item[ARGS_LIST_MAX];
	size_t item_count;
	const char *rest[ARGS_LIST_MAX];	/* OPTION=VALUE, the option not empty; or hosts */
	size_t rest_count;
	enum args_format format;
};

/* Reads the words after the program's name.  With --help or --version nothing
 * else needs to be complete.  ERR_USAGE. */
int args_parse(struct args *out, int argc, char **argv, struct err *err);

/* The flag of a word like "--plan", "--plan=x" or "-h", or NULL.  *out_value
 * becomes what stands behind the '=', or NULL. */
const struct flag_row *args_flag(const char *word, const char **out_value);

/* Sets the command, or the group of commands, that a line which cannot be read
 * seems to mean, if any. */
void args_guess(struct args *out, int argc, char **argv);

/* What is asked of tenantd: the command's own row, or that of another resource. */
const struct command_row *args_route(const struct args *a);

#endif
