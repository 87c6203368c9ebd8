/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: which number was ever given to which site, and which tenant
 * holds which host name.  It belongs to root alone, so that no restored or
 * hijacked database can hand out a uid twice or take over somebody's name.
 *
 * STATE_DIR/numbers/
 *   next        high-water mark; on disk before a number is given to anyone
 *   N           struct ledger_record
 *   hosts/HOST  struct ledger_host: the number that claims the name
 *
 * A claim counts only while the record of its number lists the name and is not
 * retired.  So records are written after their claims and retired before them:
 * a run killed in between leaves a claim that counts for nobody, and the next
 * one to want the name takes it.
 */
#ifndef TENANTS_LEDGER_H
#define TENANTS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/wire.h"

#define LEDGER_DIR "numbers"
#define LEDGER_HOSTS "hosts"
#define LEDGER_MAGIC 0x544e544cu	/* "TNTL" */
#define LEDGER_VERSION 1u

/* The open ledger.  Its lock keeps out every other run of the builder. */
struct ledger {
	int dir;
	int hosts;
};
#define LEDGER_CLOSED { -1, -1 }

struct ledger_record {
	uint32_t magic, version, size;
	uint32_t number;
	uint32_t state;			/* enum ledger_state */
	uint32_t is_home_kept;		/* retired: the home lies aside */
	int64_t changed_at;		/* seconds since 1970 */
	uint32_t heir;			/* retired: the number that took the home over, or 0 */
	uint32_t alias_count;
	char site[SITE_MAX];
	char pad[2];
	char alias[ALIASES_MAX][SITE_MAX];	/* last: a head ends before it */
};

struct ledger_host {
	uint32_t magic;
	uint32_t number;
};

/* Opens and locks the ledger.  Waits some seconds for another run, then ERR_BUSY. */
int ledger_open(const char *state_dir, struct ledger *out, struct err *err);
void ledger_close(struct ledger *l);

/* The record of a number.  ERR_UNKNOWN_SITE if it was never given. */
int ledger_load(const struct ledger *l, uint32_t number, struct ledger_record *out,
		struct err *err);

/* True if the number was given to a site and is not retired, or if that cannot be read. */
bool ledger_is_living(const struct ledger *l, uint32_t number);

/* *out becomes the number that holds the name, 0 if it is free. */
int ledger_holder(const struct ledger *l, const char *host, uint32_t *out, struct err *err);

/* Checks that NUMBER (0: a new tenant) may have all names of T.  ERR_CONFLICT
 * names the host and the site that holds it. */
int ledger_check_names(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		       struct err *err);

/* Gives the site a number: the one it holds, or the next.  Nothing is given
 * unless all of its names are free.  ERR_EXHAUSTED beyond TENANTS_MAX living
 * tenants or past the last uid. */
int ledger_issue(const struct ledger *l, const struct wire_tenant *t, uint64_t tenants_max,
		 uint64_t uid_base, uint32_t *out, struct err *err);

/* Claims the aliases of T for NUMBER and gives up those it no longer has. */
int ledger_claim(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		 struct err *err);

/* Notes that everything of the tenant stands. */
int ledger_built(const struct ledger *l, uint32_t number, struct err *err);

/* Retires a number for good and frees its names. */
int ledger_retire(const struct ledger *l, uint32_t number, bool is_home_kept, struct err *err);

/* Notes who takes over the kept home of a retired number (HEIR; 0: nobody) and
 * whether it still lies aside. */
int ledger_pass_home(const struct ledger *l, uint32_t number, uint32_t heir, bool is_home_kept,
		     struct err *err);

/* One past the highest number ever given. */
int ledger_next(const struct ledger *l, uint32_t *out, struct err *err);

/* Fills at most ROOM rows with the numbers above AFTER, in order.  *out_more
 * becomes true if there are others. */
int ledger_page(const struct ledger *l, uint32_t after, struct wire_ledger_row *rows,
		uint32_t room, uint32_t *out_count, bool *out_more, struct err *err);

#endif
