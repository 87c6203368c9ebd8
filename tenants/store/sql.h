/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small steps on SQLite that the store's files share: errors with advice,
 * statements that end with their scope.
 */
#ifndef TENANTS_STORE_SQL_H
#define TENANTS_STORE_SQL_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Fails with what SQLite said last, the file and what to do about it.  ERR_DISK
 * for a full, read-only or failing disk, ERR_SCHEMA for damage, ERR_BUSY for a
 * lock that is held too long, ERR_CONFLICT for a broken constraint. */
int sql_err(sqlite3 *db, const char *what, struct err *err);

/* Runs text without results. */
int sql_run(sqlite3 *db, const char *sql, struct err *err);

/* Finalized at the end of the scope. */
#define SQL_STMT __attribute__((cleanup(sql_finish))) sqlite3_stmt
void sql_finish(sqlite3_stmt **stmt);

/* Prepares SQL and binds the arguments by FORMAT: 'i' int64_t, 's' text, which
 * must live until the statement ends. */
int sql_prepare(sqlite3 *db, sqlite3_stmt **out, struct err *err, const char *sql,
		const char *format, ...);

/* Prepares, binds, steps to the end. */
int sql_do(sqlite3 *db, struct err *err, const char *sql, const char *format, ...);

/* One row: 1, no more rows: 0, error: -1. */
int sql_step(sqlite3 *db, sqlite3_stmt *stmt, struct err *err);

/* Copies a text column that must fit.  ERR_SCHEMA if it does not. */
int sql_text(sqlite3_stmt *stmt, int column, char *out, size_t size, struct err *err);

#endif
