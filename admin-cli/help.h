/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts of tenantctl, from the tables of commands, options and errors. */
#ifndef ADMIN_CLI_HELP_H
#define ADMIN_CLI_HELP_H

#include "base/str.h"
#include "schema/commands.h"

/* Appends the overview, of all commands or (GROUP not NULL) of those whose first
 * of two words it is; or the help of one command. */
void help_overview(struct text *out, const char *group);
void help_command(struct text *out, const struct command_row *command);

#endif
