/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints documents out of the tables: `gen KIND` on stdout.  The copies in the
 * tree are compared with it by make check, so they cannot drift.
 */
#include <stdio.h>
#include <string.h>

#include "build_config.h"
#include "base/str.h"
#include "schema/commands.h"
#include "schema/errors.h"
#include "schema/options.h"
#include "schema/settings.h"

/* Text for roff(7): a leading dot or quote would be a request, a backslash an escape. */
static void roff(const char *s)
{
	if (*s == '.' || *s == '\'')
		(void)fputs("\\&", stdout);
	for (; *s; s++)
		(void)(*s == '\\' ? fputs("\\e", stdout)
		       : *s == '-' ? fputs("\\-", stdout) : putchar(*s));
}

static void title(const char *name, int section, const char *what)
{
	printf(".TH %s %d \"\" \"tenantd %s\"\n.SH NAME\n", name, section, TENANTD_VERSION);
	roff(name);
	printf(" \\- %s\n", what);
}

static void gen_conf(void)
{
	printf("# tenantd.conf - see tenantd.conf(5).  Every key with its default.\n");
	for (int i = 0; i < setting_row_count; i++)
		printf("\n# %s\n#%s = %s\n", setting_rows[i].sentence, setting_rows[i].key,
		       setting_rows[i].def);
}

static void gen_conf_5(void)
{
	title("tenantd.conf", 5, "configuration of tenantd");
	printf(".SH SYNOPSIS\n/etc/tenantd/tenantd.conf, /etc/tenantd/conf.d/*.conf\n"
	       ".SH DESCRIPTION\nFlat lines of the form\n.IR key \" = \" value .\n"
	       "A # begins a comment.  The files must belong to root and be writable by nobody "
	       "else.  A key in a later file replaces the one in an earlier file; twice in one "
	       "file is an error.  The supervisor never reads this text: tenant\\-build compiles "
	       "it into a record, and every value is checked on the way.\n.SH KEYS\n");
	for (int i = 0; i < setting_row_count; i++) {
		printf(".TP\n.B ");
		roff(setting_rows[i].key);
		printf("\n");
		roff(setting_rows[i].sentence);
		printf("  Default: ");
		roff(setting_rows[i].def);
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
	roff(*shown ? shown : "none");
	if (row->words) {
		printf("; one%s of", row->type == OPTION_SET ? " or more" : "");
		for (int i = 0; row->words[i]; i++) {
			printf("%s ", i ? "," : "");
			roff(row->words[i]);
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
		roff(row->known_as);
		printf(".  ");
	}
	if (row->guard) {
		printf("Other values than the default need ");
		roff(row->guard);
		printf(" = yes in tenantd.conf.");
	}
	printf("\n");
}

static void gen_ctl_1(void)
{
	title("tenantctl", 1, "manage the sites of tenantd");
	printf(".SH SYNOPSIS\n.B tenantctl\n[\\-\\-socket PATH] [\\-\\-json] "
	       "[\\-\\-format table|csv|plain] COMMAND ...\n.SH COMMANDS\n");
	for (int i = 0; i < COMMAND_IDS; i++) {
		printf(".TP\n.B ");
		struct text synopsis = { 0 };

		command_synopsis(&command_rows[i], &synopsis);
		roff(synopsis.data ? synopsis.data : "");
		text_free(&synopsis);
		printf("\n");
		roff(command_rows[i].sentence);
		printf("\n");
	}
	printf(".SH OPTIONS OF A SITE\nGiven as OPTION=VALUE to add and set; also in plans.\n");
	for (int i = 0; i < OPTION_IDS; i++) {
		printf(".TP\n.B ");
		roff(option_rows[i].name);
		printf("%s\n", option_rows[i].type == OPTION_KEYED ? ".NAME" : "");
		roff(option_rows[i].sentence);
		printf("\n");
		range(&option_rows[i]);
	}
	printf(".SH EXIT STATUS\n0 done, also when nothing had to change; 1 failed; 2 usage; "
	       "3 not found; 4 conflict; 5 refused by policy or range; 6 daemon not reachable.\n"
	       ".SH ERRORS\n");
	for (int i = 0; i < error_row_count; i++) {
		printf(".TP\n.B ");
		roff(error_rows[i].name);
		printf("\n");
		roff(error_rows[i].sentence);
		printf("  Exit status %d, HTTP status %d.\n", error_rows[i].exit_status,
		       error_rows[i].http_status);
	}
	printf(".SH SEE ALSO\n.BR tenantd (8),\n.BR tenantd.conf (5)\n");
}

static const struct {
	const char *kind;
	void (*print)(void);
} kinds[] = {
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
