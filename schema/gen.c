/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints documents out of the tables: `gen KIND` on stdout.  The copies in the
 * tree are compared with it by make check, so they cannot drift.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/commands.h"
#include "schema/errors.h"
#include "schema/gen/print.h"
#include "schema/options.h"
#include "schema/settings.h"

static void gen_conf(void)
{
	printf("# tenantd.conf - see tenantd.conf(5).  Every key with its default.\n");
	for (int i = 0; i < setting_row_count; i++)
		printf("\n# %s\n#%s = %s\n", setting_rows[i].sentence, setting_rows[i].key,
		       setting_rows[i].def);
}

static void gen_conf_5(void)
{
	print_title("tenantd.conf", 5, "configuration of tenantd");
	printf(".SH SYNOPSIS\n/etc/tenantd/tenantd.conf, /etc/tenantd/conf.d/*.conf\n"
	       ".SH DESCRIPTION\nFlat lines of the form\n.IR key \" = \" value .\n"
	       "A # begins a comment.  The files must belong to root and be writable by nobody "
	       "else.  A key in a later file replaces the one in an earlier file; twice in one "
	       "file is an error.  The supervisor never reads this text: tenant\\-build compiles "
	       "it into a record, and every value is checked on the way.\n.SH KEYS\n");
	for (int i = 0; i < setting_row_count; i++) {
		print_entry(setting_rows[i].key, setting_rows[i].sentence);
		printf("Default: ");
		print_roff(setting_rows[i].def);
		printf("\n");
	}
	printf(".SH SEE ALSO\n.BR tenantd (8),\n.BR tenantctl (1)\n");
}

/* Default and range of an option, in words. */
static void range(const struct option_row *row)
{
	struct options o;
	char shown[OPTION_FORMAT_MAX];
	char low[OPTION_FORMAT_MAX];

	options_default(&o);
	options_format(&o, row, shown);
	printf("Default ");
	print_roff(*shown ? shown : "none");
	if (row->words) {
		printf("; one%s of", row->type == OPTION_SET ? " or more" : "");
		for (int i = 0; row->words[i]; i++) {
			printf("%s ", i ? "," : "");
			print_roff(row->words[i]);
		}
	} else if (option_size(row) == sizeof(uint64_t) && row->type != OPTION_BOOL) {
		char *field = (char *)&o + row->offset;

		memcpy(field, &row->min, sizeof(row->min));
		options_format(&o, row, low);
		memcpy(field, &row->max, sizeof(row->max));
		options_format(&o, row, shown);
		printf("; %s to %s", low, shown);
	}
	printf(".  ");
	if (strcmp(row->known_as, "-") != 0) {
		printf("Known as ");
		print_roff(row->known_as);
		printf(".  ");
	}
	if (row->guard) {
		printf("Other values than the default need ");
		print_roff(row->guard);
		printf(" = yes in tenantd.conf.");
	}
	printf("\n");
}

static void gen_ctl_1(void)
{
	print_title("tenantctl", 1, "manage the sites of tenantd");
	printf(".SH SYNOPSIS\n.B tenantctl\n[\\-\\-socket PATH] [\\-\\-json] "
	       "[\\-\\-format table|csv|plain] COMMAND ...\n.SH COMMANDS\n");
	for (int i = 0; i < COMMAND_IDS; i++) {
		struct text synopsis = { 0 };

		command_synopsis(&command_rows[i], &synopsis);
		print_entry(synopsis.data ? synopsis.data : "", command_rows[i].sentence);
		text_free(&synopsis);
	}
	printf(".SH FLAGS\n");
	for (int i = 0; i < FLAG_IDS; i++) {
		char letter[8] = "";
		char term[80];

		if (flag_rows[i].letter)
			(void)str_format(letter, sizeof(letter), ", -%c", flag_rows[i].letter);
		(void)str_format(term, sizeof(term), "%s%s%s%s", flag_rows[i].word,
				 *flag_rows[i].value ? " " : "", flag_rows[i].value, letter);
		print_entry(term, flag_rows[i].sentence);
	}
	printf(".SH OPTIONS OF A SITE\nGiven as OPTION=VALUE to add and set; also in plans.\n");
	for (int i = 0; i < OPTION_IDS; i++) {
		printf(".TP\n.B ");
		print_roff(option_rows[i].name);
		printf("%s\n", option_rows[i].type == OPTION_KEYED ? ".NAME" : "");
		print_roff(option_rows[i].sentence);
		printf("\n");
		range(&option_rows[i]);
	}
	printf(".SH EXIT STATUS\n" ERROR_EXIT_STATUSES "\n.SH ERRORS\n");
	for (int i = 0; i < error_row_count; i++) {
		print_entry(error_rows[i].name, error_rows[i].sentence);
		printf("Exit status %d, HTTP status %d.\n", error_rows[i].exit_status,
		       error_rows[i].http_status);
	}
	printf(".SH SEE ALSO\n.BR tenantd (8),\n.BR tenantd.conf (5)\n");
}

static const struct {
	const char *kind;
	void (*print)(void);
} kinds[] = {
	{ "WIRE.md", print_wire_md },
	{ "openapi.yaml", print_openapi },
	{ "tenantd.8", print_tenantd_8 },
	{ "tenantd.conf", gen_conf },
	{ "tenantd.conf.5", gen_conf_5 },
	{ "tenantctl.1", gen_ctl_1 },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(argv[1], kinds[i].kind) == 0) {
			kinds[i].print();
			return fflush(stdout) == 0 ? 0 : 1;
		}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		(void)fprintf(stderr, "gen %s\n", kinds[i].kind);
	return 2;
}
