/* SPDX-License-Identifier: Apache-2.0 */
/* WIRE.md: the internal protocols out of their tables. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "schema/gen/print.h"
#include "schema/log_wire.h"
#include "schema/mail_wire.h"
#include "schema/pool_spec.h"
#include "schema/wire.h"

struct field {
	const char *in, *type, *name, *array;	/* a struct's own row has no name */
	size_t offset, size;
	const char *sentence;
};

static const struct field fields[] = {
#define STRUCT(name, sentence) { #name, "", NULL, "", 0, sizeof(struct name), sentence },
#define FIELD(in, type, name, array, sentence) \
	{ #in, #type, #name, #array, offsetof(struct in, name), \
	  sizeof(((struct in *)0)->name), sentence },
#define END(name)
#include "schema/wire.def"
#include "schema/log_wire.def"
#include "schema/mail_wire.def"
#include "schema/pool_report.def"
#undef STRUCT
#undef FIELD
#undef END
};

static const struct {
	const char *name;
	size_t value;
	const char *sentence;
} limits[] = {
#define LIMIT(name, sentence) { #name, name, sentence }
	LIMIT(WIRE_VERSION, "both sides must be of the same version"),
	LIMIT(WIRE_FRAME_MAX, "bytes of a frame, head and payload"),
	LIMIT(WIRE_LIST_ROWS, "rows of a page of list"),
	LIMIT(WIRE_LEDGER_ROWS, "rows of a page of ledger"),
	LIMIT(SITE_MAX, "bytes of a host name with its terminator"),
	LIMIT(ALIASES_MAX, "aliases of a site"),
	LIMIT(REASON_MAX, "bytes of a reason with its terminator"),
	LIMIT(ERR_TEXT_MAX, "bytes of an error's text with its terminator"),
	LIMIT(REPORT_TEXT_MAX, "bytes of a pool's text with its terminator"),
	LIMIT(MAIL_TEXT_MAX, "bytes of tenant-mail's text with its terminator"),
	LIMIT(MAIL_ADDRESS_MAX, "bytes of a mail address with its terminator"),
	LIMIT(MAIL_RECIPIENTS_MAX, "recipients of a message"),
	LIMIT(MAIL_HEADERS_MAX, "bytes of a message's headers"),
	LIMIT(MAIL_PIECE_MAX, "bytes of a piece of a message"),
	LIMIT(MAIL_SLOTS, "slots of five minutes in which mail is counted"),
	LIMIT(PROMISE_TEXT_MAX, "bytes of an outcome with its terminator"),
#undef LIMIT
};

static const struct {
	int number;
	const char *word, *payload, *reply, *step, *sentence;
} verbs[] = {
#define NAMED_NONE "nothing"
#define NAMED_TENANT "`wire_tenant`"
#define NAMED_PAGE "`wire_page`"
#define NAMED_LOG "`wire_log`"
#define NAMED_EXEC "`wire_exec`"
#define NAMED_STATUS "one `wire_status`"
#define NAMED_MACHINE "one `wire_machine`"
#define NAMED_BOARD "one `wire_board`"
#define NAMED_JAIL "one `wire_jail`"
#define NAMED_LIST "`wire_list_row` ..."
#define NAMED_LEDGER "`wire_ledger_row` ..."
#define NAMED_PROMISE "`wire_promise` ..."
#define DONE_BY_NONE "tenantd"
#define DONE_BY_BUILD "tenant-build"
#define VERB(name, number, word, payload, reply, step, sentence) \
	{ number, word, NAMED_##payload, NAMED_##reply, DONE_BY_##step, sentence },
#include "schema/verbs.def"
#undef VERB
};

static const char head[] =
	"# The internal protocols\n\n"
	"Printed by `schema/gen` out of `schema/*.def`; `make golden` rewrites it. Values are\n"
	"in host byte order and in the layout of the 64-bit compiler: all programs are of one\n"
	"build.\n\n"
	"## Who talks to whom\n\n| from | to | over | what |\n|---|---|---|---|\n";

static const struct {
	const char *from, *to, *over, *what;
} ways[] = {
	{ "tenant-control", "tenantd", "`supervisor.sock`, SOCK_SEQPACKET; peers are root and "
	  "`control_user`", "requests: `wire_head` and a payload" },
	{ "tenantd", "tenant-control", "the same", "a reply for each request, steps before it" },
	{ "tenantd", "tenant-build", "descriptor 3, sealed", "the request, as it was checked" },
	{ "tenant-build, tenant-nginx", "tenantd", "SOCK_SEQPACKET", "steps, one reply" },
	{ "tenantd", "tenant-log", "SOCK_SEQPACKET", "`log_message` with descriptors" },
	{ "tenant-log", "tenantd", "the same", "`log_violation`, rate bounded" },
	{ "tenant-pool, tenant-sendmail", "tenant-mail", "`RUN_DIR/mail/socket/sock`, SOCK_STREAM",
	  "`mail_head` and a message; an attacker's bytes, whose tenant is the peer's uid" },
	{ "tenant-control", "tenant-mail", "the same", "`mail_head`, answered by `mail_count`" },
	{ "tenant-mail", "a cage", "the same", "one `mail_answer`" },
	{ "tenant-pool", "tenantd", "SOCK_SEQPACKET", "`pool_report`, rate bounded; an attacker's "
	  "bytes" },
};

static const char rules[] =
	"\nThe first frame of a connection is `hello`. A frame whose magic, version, size, verb\n"
	"or payload is not what is said here ends the connection and is logged. The root side\n"
	"checks every value again with the same tables; no frame carries a uid, a path or a\n"
	"command.\n";

static void print_structs(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];

		if (!f->name) {
			printf("\n### struct %s\n\n%s %zu bytes.\n\n", f->in, f->sentence, f->size);
			printf("| at | bytes | type | field | meaning |\n|--:|--:|---|---|---|\n");
			continue;
		}
		printf("| %zu | %zu | %s%s | `%s` | %s |\n", f->offset, f->size, f->type, f->array,
		       f->name, f->sentence);
	}
}

void print_wire_md(void)
{
	printf("%s", head);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		printf("| %s | %s | %s | %s |\n", ways[i].from, ways[i].to, ways[i].over,
		       ways[i].what);
	printf("%s\n## Limits\n\n| name | value | of what |\n|---|--:|---|\n", rules);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		printf("| `%s` | %zu | %s |\n", limits[i].name, limits[i].value,
		       limits[i].sentence);
	printf("\n## Verbs\n\ntenant-control sends them; what tenant-build does, tenantd hands on "
	       "and finishes.\n\n| number | verb | payload | reply | done by | meaning |\n"
	       "|--:|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("| %d | %s | %s | %s | %s | %s |\n", verbs[i].number, verbs[i].word,
		       verbs[i].payload, verbs[i].reply, verbs[i].step, verbs[i].sentence);
	printf("\nA failed reply carries text instead. Flags: %d `WIRE_REPLY`, answers the\n"
	       "request of the same serial; %d `WIRE_STEP`, a `wire_step`, more follows;\n"
	       "%d `WIRE_MORE`, a page that is not the last.\n\n## Structs\n", WIRE_REPLY,
	       WIRE_STEP, WIRE_MORE);
	print_structs();
}
