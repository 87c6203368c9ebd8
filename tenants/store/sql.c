/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, bindings and errors of SQLite. */
#include "tenants/store/sql.h"

#include <stdarg.h>

#include "base/str.h"
#include "schema/errors.h"

int sql_err(sqlite3 *db, const char *what, struct err *err)
{
	const char *path = sqlite3_db_filename(db, "main");
	int rc = sqlite3_errcode(db) & 0xff;
	const char *said = sqlite3_errmsg(db);

	path = path && *path ? path : "(memory)";
	if (rc == SQLITE_FULL || rc == SQLITE_READONLY || rc == SQLITE_IOERR ||
	    rc == SQLITE_CANTOPEN || rc == SQLITE_PERM)
		return err_set(err, ERR_DISK,
			       "%s in database '%.200s': %s; nothing was changed: make room on "
			       "that disk and see that the file and its folder are writable",
			       what, path, said);
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
		return err_set(err, ERR_SCHEMA,
			       "%s in database '%.200s': %s; stop tenant-control and put back a "
			       "good copy", what, path, said);
	if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return err_set(err, ERR_BUSY,
			       "%s in database '%.200s': %s; end the program that holds it",
			       what, path, said);
	return err_set(err, rc == SQLITE_CONSTRAINT ? ERR_CONFLICT : ERR_FAILED,
		       "%s in database '%.200s': %s", what, path, said);
}

int sql_run(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_err(db, "running a statement", err);
	return 0;
}

void sql_finish(sqlite3_stmt **stmt)
{
	(void)sqlite3_finalize(*stmt);	/* repeats the error of the last step */
	*stmt = NULL;
}

static int bind(sqlite3_stmt *stmt, const char *format, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 0; format[i] && rc == SQLITE_OK; i++)
		rc = format[i] == 'i' ? sqlite3_bind_int64(stmt, i + 1, va_arg(ap, int64_t))
				      : sqlite3_bind_text(stmt, i + 1, va_arg(ap, const char *),
							  -1, SQLITE_STATIC);
	return rc;
}

static int prepare(sqlite3 *db, sqlite3_stmt **out, struct err *err, const char *sql,
		   const char *format, va_list ap)
{
	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK ||
	    bind(*out, format, ap) != SQLITE_OK)
		return sql_err(db, "preparing a statement", err);
	return 0;
}

int sql_prepare(sqlite3 *db, sqlite3_stmt **out, struct err *err, const char *sql,
		const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int rc = prepare(db, out, err, sql, format, ap);
	va_end(ap);
	return rc;
}

int sql_do(sqlite3 *db, struct err *err, const char *sql, const char *format, ...)
{
	SQL_STMT *stmt = NULL;
	va_list ap;

	va_start(ap, format);
	int rc = prepare(db, &stmt, err, sql, format, ap);
	va_end(ap);
	if (rc < 0)
		return -1;
	while ((rc = sql_step(db, stmt, err)) > 0)
		;
	return rc;
}

int sql_step(sqlite3 *db, sqlite3_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return sql_err(db, "running a statement", err);
	}
}

int sql_text(sqlite3_stmt *stmt, int column, char *out, size_t size, struct err *err)
{
	const char *s = (const char *)sqlite3_column_text(stmt, column);

	if (!s || str_copy(out, size, s) < 0)
		return err_set(err, ERR_SCHEMA, "column '%s' holds a text that does not fit",
			       sqlite3_column_name(stmt, column));
	return 0;
}
