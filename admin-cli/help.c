/* SPDX-License-Identifier: Apache-2.0 */
/* Help from the tables: a new row there is a new line here. */
#include "admin-cli/help.h"

#include <stdio.h>
#include <string.h>

#include "schema/errors.h"
#include "schema/options.h"
#include "schema/value.h"

#define WIDTH 79

static const char general[] =
	"General flags:\n"
	"  --json            print the reply of tenantd as JSON\n"
	"  --format FORMAT   table, csv, plain or json\n"
	"  --socket PATH     socket of tenantd; else TENANTD_SOCKET, else\n"
	"                    /run/tenantd/control.sock\n"
	"  --help, -h        this text; after a command: its help\n"
	"  --version         the version of tenantctl\n";

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
		text_add(out, "  %s=%s   ", row->name, value);
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
	text_add(out, "tenantctl %s%s%s\n", row->word, *row->arguments ? " " : "", row->arguments);
}

void help_overview(struct text *out)
{
	text_add(out, "tenantctl: manage isolated PHP sites\n\n");
	for (int i = 0; i < COMMAND_IDS; i++) {
		text_add(out, "  ");
		add_usage(out, &command_rows[i]);
		add_wrapped(out, 6, command_rows[i].sentence);
	}
	text_add(out, "\n%s", general);
	text_add(out, "\nExit status: 0 done (also if nothing had to change), 1 failed, 2 usage,\n"
		      "3 not found, 4 conflict, 5 refused by policy or range, "
		      "6 daemon not reachable.\n"
		      "\n`tenantctl add --help` lists all options.\n");
}

static const struct example {
	enum command_id id;
	const char *line;
} examples[] = {
	{ COMMAND_ADD, "tenantctl add site.example --alias www.site.example memory_max=1G" },
	{ COMMAND_REMOVE, "tenantctl remove site.example" },
	{ COMMAND_LIST, "tenantctl list --format csv" },
	{ COMMAND_SHOW, "tenantctl show site.example --json" },
	{ COMMAND_SET, "tenantctl set site.example max_children=10 cpu_quota=" },
	{ COMMAND_SUSPEND, "tenantctl suspend site.example --reason 'sends spam'" },
	{ COMMAND_RESUME, "tenantctl resume site.example" },
	{ COMMAND_STATUS, "tenantctl status site.example" },
	{ COMMAND_RESTORE, "tenantctl restore site.example" },
};

void help_command(struct text *out, const struct command_row *command)
{
	text_add(out, "Usage: ");
	add_usage(out, command);
	text_add(out, "\n");
	add_wrapped(out, 0, command->sentence);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (examples[i].id == command->id)
			text_add(out, "\nExample:\n  %s\n", examples[i].line);
	text_add(out, "\nAPI: %s %s\n\n%s", command->method, command->path, general);
	if (command->id == COMMAND_ADD || command->id == COMMAND_SET)
		add_options(out);
}
