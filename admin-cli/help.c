/* SPDX-License-Identifier: Apache-2.0 */
/* Help from the tables: a new row there is a new line here. */
#include "admin-cli/help.h"

#include <stdio.h>
#include <string.h>

#include "schema/errors.h"
#include "schema/options.h"
#include "schema/value.h"

#define WIDTH 79

/* Words wrapped between INDENT and WIDTH. */
static void add_wrapped(struct text *out, int indent, const char *words)
{
	int column = 0;

	while (*words) {
		int n = (int)strcspn(words, " ");

		if (column == 0) {
			text_add(out, "%*s", indent, "");
			column = indent;
		} else if (column + 1 + n > WIDTH) {
			text_add(out, "\n%*s", indent, "");
			column = indent;
		} else {
			text_add(out, " ");
			column++;
		}
		text_add(out, "%.*s", n, words);
		column += n;
		words += n;
		words += strspn(words, " ");
	}
	text_add(out, "\n");
}

static void format_number(const struct option_row *row, uint64_t value, char *out, size_t size)
{
	if (row->type == OPTION_SIZE)
		value_format_size(value, out, size);
	else if (row->type == OPTION_SECONDS)
		value_format_seconds(value, out, size);
	else
		(void)snprintf(out, size, "%llu", (unsigned long long)value);
}

/* "from 32M to 1T", "yes or no", "one of: ...". */
static void add_range(struct text *out, const struct option_row *row)
{
	char low[OPTION_FORMAT_MAX];
	char high[OPTION_FORMAT_MAX];

	format_number(row, row->min, low, sizeof(low));
	format_number(row, row->max, high, sizeof(high));
	switch (row->type) {
	case OPTION_SIZE:
		text_add(out, "size (k, M, G, T), %s to %s", low, high);
		break;
	case OPTION_SECONDS:
		text_add(out, "time (s, m, h, d), %s to %s", low, high);
		break;
	case OPTION_COUNT:
		text_add(out, "number, %s to %s", low, high);
		break;
	case OPTION_PERCENT:
		text_add(out, "per cent, %s to %s", low, high);
		break;
	case OPTION_BOOL:
		text_add(out, "yes or no");
		break;
	case OPTION_TEXT:
		text_add(out, "relative path, at most %s bytes", high);
		break;
	case OPTION_URI:
		text_add(out, "path of an address, at most %s bytes; empty: none", high);
		break;
	case OPTION_LINE:
		text_add(out, "text, at most %s bytes", high);
		break;
	case OPTION_VERSION:
		text_add(out, "a version, such as 8.2");
		break;
	case OPTION_NAMES:
		text_add(out, "%sa list of names", row->min ? "" : "none, or ");
		break;
	case OPTION_KEYED:
		text_add(out, "one for each NAME");
		break;
	case OPTION_ENUM:
	case OPTION_SET:
		text_add(out, row->type == OPTION_SET ? "none, or a list of" : "one of");
		for (size_t i = 0; row->words[i]; i++)
			text_add(out, "%s %s", i ? "," : "", row->words[i]);
		break;
	}
}

static void add_options(struct text *out)
{
	struct options defaults;
	char value[OPTION_FORMAT_MAX];

	options_default(&defaults);
	text_add(out, "\nOptions (OPTION=VALUE), with the default of the plan `default`:\n");
	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];

		options_format(&defaults, row, value);
		text_add(out, "  %s%s=%s   ", row->name,
			 row->type == OPTION_KEYED ? ".NAME" : "", value);
		add_range(out, row);
		text_add(out, "\n");
		add_wrapped(out, 6, row->sentence);
		if (strcmp(row->known_as, "-") != 0)
			text_add(out, "      Known as: %s\n", row->known_as);
		if (row->guard)
			text_add(out, "      Needs the setting '%s' in tenantd.conf.\n",
				 row->guard);
	}
}

static void add_usage(struct text *out, const struct command_row *row)
{
	text_add(out, "tenantctl ");
	command_synopsis(row, out);
	text_add(out, "\n");
}

static void add_flags(struct text *out, const struct command_row *row, bool is_general)
{
	const char *title = is_general ? "\nGeneral flags:\n" : "\nFlags:\n";

	for (int i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];

		if ((flag->place == FLAG_GENERAL) != is_general ||
		    (!is_general && !command_takes(row, flag)))
			continue;
		text_add(out, "%s  %s%s%s", title, flag->word, *flag->value ? " " : "",
			 flag->value);
		if (flag->letter)
			text_add(out, ", -%c", flag->letter);
		text_add(out, "%s\n", flag->times == FLAG_MANY ? "   (several times)" : "");
		add_wrapped(out, 6, flag->sentence);
		title = "";
	}
}

void help_overview(struct text *out, const char *group)
{
	text_add(out, "tenantctl: manage isolated PHP sites\n\n");
	for (int i = 0; i < COMMAND_IDS; i++) {
		if (group && !command_is_in_group(&command_rows[i], group))
			continue;
		text_add(out, "  ");
		add_usage(out, &command_rows[i]);
		add_wrapped(out, 6, command_rows[i].sentence);
	}
	add_flags(out, NULL, true);
	text_add(out, "\nExit status: 0 done (also if nothing had to change), 1 failed, 2 usage,\n"
		      "3 not found, 4 conflict, 5 refused by policy or range, "
		      "6 daemon not reachable.\n"
		      "\n`tenantctl add --help` lists all options.\n");
}

void help_command(struct text *out, const struct command_row *command)
{
	text_add(out, "Usage: ");
	add_usage(out, command);
	text_add(out, "\n");
	add_wrapped(out, 0, command->sentence);
	text_add(out, "\nExample:\n  tenantctl %s\n", command->example);
	if (*command->path)
		text_add(out, "\nAPI: %s %s\n", command->method, command->path);
	add_flags(out, command, false);
	add_flags(out, command, true);
	if (command->rest == REST_OPTIONS)
		add_options(out);
}
