/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a database to the schema of this program. */
#include "tenants/store/migrate.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/store/sql.h"

const struct migration migrations[] = {
#include "sql_migrations.h"
};
const int migration_count = (int)ARRAY_SIZE(migrations);

#define PATH_ROOM 512
#define COPY_PAGES 1024

static int pragma(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
	SQL_STMT *stmt = NULL;

	if (sql_prepare(db, &stmt, err, sql, "") < 0)
		return -1;
	int rc = sql_step(db, stmt, err);

	if (rc > 0)
		*out = sqlite3_column_int64(stmt, 0);
	return rc < 0 ? -1 : 0;
}

static int copy_pages(sqlite3 *db, sqlite3 *copy, struct err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(copy, "main", db, "main");
	int rc = SQLITE_OK;

	if (!backup)
		return sql_err(copy, "copying before a migration", err);
	while (rc == SQLITE_OK)
		rc = sqlite3_backup_step(backup, COPY_PAGES);
	rc = sqlite3_backup_finish(backup);
	return rc == SQLITE_OK ? 0 : sql_err(copy, "copying before a migration", err);
}

/* The copy gets its name when it is whole, so that a file of that name is one. */
static int backup(sqlite3 *db, const char *path, int version, struct err *err)
{
	char name[PATH_ROOM];
	char part[PATH_ROOM];
	sqlite3 *copy = NULL;

	if (str_format(name, sizeof(name), "%s.before-%d", path, version) < 0 ||
	    str_format(part, sizeof(part), "%s.part", name) < 0)
		return err_set(err, ERR_BAD_CONFIG, "the path '%s' is too long", path);
	(void)unlink(part);	/* left by a run that was killed */
	int rc = sqlite3_open_v2(part, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	rc = rc == SQLITE_OK ? copy_pages(db, copy, err)
			     : sql_err(copy, "opening a copy before a migration", err);
	(void)sqlite3_close(copy);	/* nothing is pending in it */
	if (rc == 0 && (chmod(part, 0600) < 0 || rename(part, name) < 0))
		rc = err_sys(err, "renaming the copy '%s'", part);
	if (rc < 0)
		(void)unlink(part);
	return rc;
}

static int apply(sqlite3 *db, const struct migration *m, int version, struct err *err)
{
	char end[128];

	(void)str_format(end, sizeof(end),
			 "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT", version,
			 MIGRATE_APPLICATION_ID);
	if (sql_run(db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	if (sql_run(db, m->sql, err) < 0 || sql_run(db, end, err) < 0) {
		(void)sql_run(db, "ROLLBACK", NULL);	/* may have happened by itself */
		return err_wrap(err, "migration '%s'", m->name);
	}
	return 0;
}

int migrate(sqlite3 *db, const char *path, const struct migration *list, int count,
	    struct err *err)
{
	int64_t version = 0, id = 0, tables = 0;

	if (pragma(db, "PRAGMA user_version", &version, err) < 0 ||
	    pragma(db, "PRAGMA application_id", &id, err) < 0 ||
	    pragma(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
		return -1;
	if (tables > 0 && id != MIGRATE_APPLICATION_ID)
		return err_set(err, ERR_SCHEMA, "'%s' is a database of another program; move it "
			       "away or name another state_dir", path);
	if (version > count)
		return err_set(err, ERR_SCHEMA,
			       "database '%s' has schema %lld and this program knows %d: install "
			       "the tenantd that wrote it, or put back '%s.before-%d'", path,
			       (long long)version, count, path, count + 1);
	if (version < 0)
		return err_set(err, ERR_SCHEMA, "database '%s' says schema %lld", path,
			       (long long)version);
	for (int n = (int)version; n < count; n++) {
		if (version > 0 && backup(db, path, n + 1, err) < 0)
			return -1;
		fault_point("control.migrate.copied");
		if (apply(db, &list[n], n + 1, err) < 0)
			return -1;
		fault_point("control.migrate.applied");
	}
	return 0;
}
