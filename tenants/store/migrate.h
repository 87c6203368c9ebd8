/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered, forward-only changes of the schema: schema/sql/NNNN_*.sql, embedded
 * at build.  The database says in user_version which of them it has.
 */
#ifndef TENANTS_STORE_MIGRATE_H
#define TENANTS_STORE_MIGRATE_H

#include <sqlite3.h>

#include "base/err.h"

#define MIGRATE_APPLICATION_ID 0x544e5442	/* "TNTB" */

struct migration {
	const char *name;
	const char *sql;
};

/* Those of schema/sql; number N is at N - 1. */
extern const struct migration migrations[];
extern const int migration_count;

/* Brings the database at PATH, open for writing as DB, to the last of COUNT
 * migrations.  Each is one transaction; before each the database is copied to
 * PATH.before-N, unless it was empty.  ERR_SCHEMA for a database that is newer
 * than this program, belongs to another program or is damaged. */
int migrate(sqlite3 *db, const char *path, const struct migration *list, int count,
	    struct err *err);

#endif
