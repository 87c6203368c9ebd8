/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a tenant, all from options.def: the struct, the table, parsing,
 * formatting and the range check that every side of a trust boundary repeats.
 */
#ifndef SCHEMA_OPTIONS_H
#define SCHEMA_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1024) * KIB)
#define GIB (UINT64_C(1024) * MIB)

enum option_pm { PM_ONDEMAND, PM_STATIC, PM_DYNAMIC };
enum option_programs { PROGRAMS_DENY, PROGRAMS_ALLOW };
enum option_jit { JIT_DENY, JIT_ALLOW };
enum option_network { NETWORK_NONE, NETWORK_EGRESS };
enum option_mail { MAIL_DENY, MAIL_ALLOW };
enum option_mail_ports { MAIL_PORTS_CLOSED, MAIL_PORTS_OPEN };
/* Bits of the option `sockets`; the order of its words. */
enum option_socket { SOCKET_MYSQL, SOCKET_REDIS, SOCKETS };

enum option_type {
	OPTION_SIZE, OPTION_COUNT, OPTION_PERCENT, OPTION_SECONDS, OPTION_BOOL,
	OPTION_ENUM, OPTION_SET, OPTION_TEXT, OPTION_URI, OPTION_LINE, OPTION_VERSION,
	OPTION_NAMES, OPTION_KEYED,
};

/* What a change of the option needs; bits. */
enum option_scope {
	OPTION_LIVE = 1, OPTION_POOL = 2, OPTION_VHOST = 4, OPTION_JUDGED = 8,
	OPTION_BOTH = OPTION_POOL | OPTION_VHOST,
	OPTION_PHP = OPTION_POOL | OPTION_JUDGED,	/* only a start of PHP tells if it goes */
};

#define OPTION_TEXT_MAX 96	/* room of a TEXT, URI, LINE or VERSION value with its terminator */
#define OPTION_LIST_MAX 2048	/* of a NAMES or KEYED one (schema/option_list.h) */
#define OPTION_NAME_MAX 128	/* of one name in a list */

enum option_id {
#define OPT(name, type, def, min, max, scope, guard, known, sentence) OPT_##name,
#include "schema/options.def"
#undef OPT
	OPTION_IDS
};

/* Fixed layout: it crosses process boundaries inside records. */
struct options {
#define OPTION_FIELD_SIZE(name) uint64_t name;
#define OPTION_FIELD_COUNT(name) uint64_t name;
#define OPTION_FIELD_PERCENT(name) uint64_t name;
#define OPTION_FIELD_SECONDS(name) uint64_t name;
#define OPTION_FIELD_BOOL(name) uint64_t name;
#define OPTION_FIELD_ENUM(name) uint64_t name;
#define OPTION_FIELD_SET(name) uint64_t name;
#define OPTION_FIELD_TEXT(name) char name[OPTION_TEXT_MAX];
#define OPTION_FIELD_URI OPTION_FIELD_TEXT
#define OPTION_FIELD_LINE OPTION_FIELD_TEXT
#define OPTION_FIELD_VERSION OPTION_FIELD_TEXT
#define OPTION_FIELD_NAMES(name) char name[OPTION_LIST_MAX];
#define OPTION_FIELD_KEYED(name) char name[OPTION_LIST_MAX];
#define OPT(name, type, def, min, max, scope, guard, known, sentence) OPTION_FIELD_##type(name)
#include "schema/options.def"
#undef OPT
};

struct option_row {
	enum option_id id;
	const char *name;
	enum option_type type;
	enum option_scope scope;
	uint64_t min, max;	/* of the number; of the length for TEXT and NAMES */
	size_t offset;		/* of the field in struct options */
	const char *const *words;	/* of ENUM and SET, NULL-terminated */
	const char *guard;	/* name of the BOOL setting, or NULL */
	const char *known_as;
	const char *sentence;
};

extern const struct option_row option_rows[OPTION_IDS];

/* The row by name, or NULL.  For an entry of a KEYED option, "env.NAME", its row. */
const struct option_row *option_by_name(const char *name);

/* NAME behind the name of the option in "env.NAME"; NULL where there is none. */
const char *option_entry_name(const struct option_row *row, const char *name);

/* Bytes of the option's field in struct options. */
size_t option_size(const struct option_row *row);

/* Every option at its default. */
void options_default(struct options *out);

/* Reads one value as people write it ("512M", "10s", "2m", "yes", "mysql,redis").
 * A value outside the range is refused; the error names option, value and
 * range.  ERR_BAD_OPTION. */
int options_parse(struct options *o, const struct option_row *row, const char *value,
		  struct err *err);

/* The same by name, which may be that of an entry. */
int options_set(struct options *o, const char *name, const char *value, struct err *err);

/* Writes the value in its canonical form, which options_parse() takes back. */
#define OPTION_FORMAT_MAX OPTION_LIST_MAX
void options_format(const struct options *o, const struct option_row *row,
		    char out[OPTION_FORMAT_MAX]);

/* Calls EACH with name and value as people write them: once, or for a KEYED
 * option, whose canonical text VALUE is, once per entry.  A return below 0 ends
 * it and is the result; else 0. */
int option_each(const struct option_row *row, const char *value,
		int (*each)(void *ctx, const char *name, const char *value), void *ctx);

/* Checks every field against its row, for a struct that came from another
 * process: the bytes may be anything; and then the rules.  ERR_BAD_OPTION. */
int options_check(const struct options *o, struct err *err);

/* Checks what options say about one another; each is in its own range. */
int options_check_rules(const struct options *o, struct err *err);

/* Scopes of all options in which two sets differ, OR-ed; 0 if they are equal. */
unsigned options_difference(const struct options *a, const struct options *b);

#endif
