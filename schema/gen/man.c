/* SPDX-License-Identifier: Apache-2.0 */
/* roff(7), and the manual page of the daemon out of programs.def. */
#include <stdio.h>
#include <string.h>

#include "build_config.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/gen/print.h"

void print_roff(const char *s)
{
	if (*s == '.' || *s == '\'')
		(void)fputs("\\&", stdout);
	for (; *s; s++)
		(void)(*s == '\\' ? fputs("\\e", stdout)
		       : *s == '-' ? fputs("\\-", stdout) : putchar(*s));
}

void print_title(const char *name, int section, const char *what)
{
	printf(".\\\" Printed by schema/gen out of the tables in schema/.\n");
	printf(".TH %s %d \"\" \"tenantd %s\" \"tenantd\"\n.SH NAME\n", name, section,
	       TENANTD_VERSION);
	print_roff(name);
	printf(" \\- %s\n", what);
}

void print_entry(const char *term, const char *sentence)
{
	printf(".TP\n.B ");
	print_roff(term);
	printf("\n");
	print_roff(sentence);
	printf("\n");
}

enum kind { PROGRAMS, FLAGS, SIGNALS, UNITS, FILES };

static const struct row {
	enum kind kind;
	const char *program;	/* whose flag or signal, or the user of a program */
	const char *term, *sentence;
} rows[] = {
#define PROGRAM(name, user, sentence) { PROGRAMS, user, name, sentence },
#define SWITCH(program, flag, sentence) { FLAGS, program, flag, sentence },
#define SIGNAL(program, signals, sentence) { SIGNALS, program, signals, sentence },
#define UNIT(name, sentence) { UNITS, "", name, sentence },
#define KEPT(path, sentence) { FILES, "", path, sentence },
#include "schema/programs.def"
#undef PROGRAM
#undef SWITCH
#undef SIGNAL
#undef UNIT
#undef KEPT
};

static void print_kind(enum kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == kind)
			print_entry(rows[i].term, rows[i].sentence);
}

static void print_synopsis(const char *program)
{
	printf(".B ");
	print_roff(program);
	printf("\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == FLAGS && strcmp(rows[i].program, program) == 0) {
			printf("[");
			print_roff(rows[i].term);
			printf("]\n");
		}
}

/* Flags or signals of all programs, one program after the other. */
static void print_by_program(enum kind kind)
{
	const char *last = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].kind != kind)
			continue;
		if (strcmp(last, rows[i].program) != 0) {
			last = rows[i].program;
			printf(".SS ");
			print_roff(last);
			printf("\n");
		}
		print_entry(rows[i].term, rows[i].sentence);
	}
}

static void print_programs(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == PROGRAMS) {
			print_entry(rows[i].term, rows[i].sentence);
			printf("Runs as ");
			print_roff(rows[i].program);
			printf(".\n");
		}
}

static const struct {
	const char *name, *sentence;
} events[] = {
#define EVENT(id, name, sentence) { name, sentence },
#include "schema/events.def"
#undef EVENT
};

static void print_events(void)
{
	printf(".SH LOG\nOne line for each event, on standard error, for the journal: "
	       "event=NAME and further KEY=VALUE.\n");
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		print_entry(events[i].name, events[i].sentence);
}

void print_tenantd_8(void)
{
	print_title("tenantd", 8, "many PHP sites on one machine, each in a cage of its own");
	printf(".SH SYNOPSIS\n");
	print_synopsis("tenantd");
	printf(".SH DESCRIPTION\ntenantd listens for sites that have no process, starts a pool of "
	       "PHP in a cage when a visitor comes, and ends it when it has been idle.  nginx "
	       "talks to the pool itself: while tenantd is away no warm site loses a request.  "
	       "It is made of several programs, so that each holds as little privilege as it "
	       "can.  Sites are managed with\n.BR tenantctl (1).\n");
	printf(".SH PROGRAMS\n");
	print_programs();
	printf(".SH OPTIONS\n");
	print_by_program(FLAGS);
	printf(".SH SIGNALS\n");
	print_by_program(SIGNALS);
	printf(".SH UNITS\n");
	print_kind(UNITS);
	printf(".SH FILES\n");
	print_kind(FILES);
	print_events();
	printf(".SH EXIT STATUS\n" ERROR_EXIT_STATUSES "\n");
	printf(".SH SEE ALSO\n.BR tenantctl (1),\n.BR tenantd.conf (5),\n.BR nginx (8)\n");
}
