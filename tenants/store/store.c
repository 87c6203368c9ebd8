/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, and the rows of tenants. */
#include "tenants/store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/store/handle.h"
#include "tenants/store/migrate.h"
#include "tenants/store/sql.h"

#define BUSY_MS 5000

static int setup(struct store *s, const char *path, bool is_writer, struct err *err)
{
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);	/* fails only for a dead handle */
	(void)sqlite3_extended_result_codes(s->db, 1);
	/* Trusting no schema keeps functions out of a tampered one. */
	if (sql_run(s->db, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
			   "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL", err) < 0)
		return -1;
	if (!is_writer)
		return sql_run(s->db, "PRAGMA query_only = ON", err);
	if (sqlite3_db_readonly(s->db, "main") != 1 &&
	    sql_run(s->db, "PRAGMA journal_mode = WAL", err) < 0)
		return -1;
	return migrate(s->db, path, migrations, migration_count, err);
}

static int open_store(const char *path, int flags, bool is_writer, struct store **out,
		      struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(err, "memory for the database");
	int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK) {
		rc = s->db ? err_set(err, ERR_DISK,
				     "opening database '%s': %s; see that its folder exists and "
				     "belongs to the user of tenant-control",
				     path, sqlite3_errmsg(s->db))
			   : err_set(err, ERR_FAILED, "opening database '%s': no memory", path);
	} else {
		rc = setup(s, path, is_writer, err);
	}
	if (rc < 0) {
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

int store_open(const char *path, struct store **out, struct err *err)
{
	/* Made here, because SQLite would take the mode from the umask; if this fails,
	 * opening the file below says why.  A file that is there is not opened: closing
	 * any descriptor of it drops all locks that this process has on it (fcntl(2)). */
	CLOSE_AT_EXIT int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	fd_close(&fd);	/* before SQLite takes locks */
	return open_store(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, true, out, err);
}

int store_open_reader(const char *path, struct store **out, struct err *err)
{
	/* A reader of a WAL database writes its shared memory: not opened read-only. */
	return open_store(path, SQLITE_OPEN_READWRITE, false, out, err);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	(void)sqlite3_close(s->db);	/* all statements ended with their scopes */
	free(s);
}

int store_begin(struct store *s, struct err *err)
{
	return sql_run(s->db, "BEGIN IMMEDIATE", err);
}

int store_commit(struct store *s, struct err *err)
{
	if (sql_run(s->db, "COMMIT", err) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

void store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		(void)sql_run(s->db, "ROLLBACK", NULL);	/* the file stays as it was either way */
}

int store_load_aliases(struct store *s, struct tenant *t, const char *sql, int64_t number,
		       int64_t kind, struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err, sql, "ii", number, kind) < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		if (t->alias_count == ALIASES_MAX)
			return err_set(err, ERR_SCHEMA, "tenant %lld has more than %d aliases",
				       (long long)number, ALIASES_MAX);
		if (sql_text(stmt, 0, t->alias[t->alias_count], SITE_MAX, err) < 0)
			return -1;
		t->alias_count++;
	}
	return rc;
}

int store_load_options(struct store *s, struct overrides *o, const char *sql, const char *key,
		       int64_t number, int64_t kind, struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = key ? sql_prepare(s->db, &stmt, err, sql, "s", key)
		     : sql_prepare(s->db, &stmt, err, sql, "ii", number, kind);

	if (rc < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const struct option_row *row = option_by_name(name);
		char text[OPTION_FORMAT_MAX];

		/* An option that a newer program knew: its default is what we can do. */
		if (!row)
			continue;
		if (sql_text(stmt, 1, text, sizeof(text), err) < 0)
			return -1;
		/* Others come as they were stored; who resolves them checks them. */
		if (row->type == OPTION_KEYED) {
			(void)overrides_set(o, name, text, err);
			continue;
		}
		memcpy(o->of[row->id].text, text, sizeof(text));
		o->of[row->id].is_set = true;
	}
	return rc;
}

static int load(struct store *s, sqlite3_stmt *stmt, struct tenant *out, struct err *err)
{
	struct tenant t = { 0 };
	int rc = sql_step(s->db, stmt, err);

	if (rc <= 0)
		return rc;
	t.number = (uint32_t)sqlite3_column_int64(stmt, 0);
	t.state = sqlite3_column_int(stmt, 3);
	t.is_suspended = sqlite3_column_int(stmt, 4) != 0;
	t.is_undone = sqlite3_column_int(stmt, 5) != 0;
	t.revision = (uint64_t)sqlite3_column_int64(stmt, 8);
	t.restore_number = (uint32_t)sqlite3_column_int64(stmt, 9);
	t.created_at = sqlite3_column_int64(stmt, 10);
	t.changed_at = sqlite3_column_int64(stmt, 11);
	t.reason_class = (uint32_t)sqlite3_column_int64(stmt, 12);
	if (sql_text(stmt, 1, t.site, sizeof(t.site), err) < 0 ||
	    sql_text(stmt, 2, t.plan, sizeof(t.plan), err) < 0 ||
	    sql_text(stmt, 6, t.reason, sizeof(t.reason), err) < 0 ||
	    sql_text(stmt, 7, t.failure, sizeof(t.failure), err) < 0 ||
	    store_load_aliases(s, &t, "SELECT host FROM tenant_alias WHERE number = ?1 "
			       "AND ?2 = 0 ORDER BY place", t.number, 0, err) < 0 ||
	    store_load_options(s, &t.overrides, "SELECT name, value FROM tenant_option "
			       "WHERE number = ?1 AND ?2 = 0", NULL, t.number, 0, err) < 0)
		return -1;
	*out = t;
	return 1;
}

#define TENANT_COLUMNS \
	"number, site, plan, state, is_suspended, is_undone, reason, failure, revision, " \
	"restore_number, created_at, changed_at, reason_class"

int store_find(struct store *s, const char *site, struct tenant *out, struct err *err)
{
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err, "SELECT " TENANT_COLUMNS " FROM tenant WHERE site = ?",
			"s", site) < 0)
		return -1;
	int rc = load(s, stmt, out, err);

	if (rc == 0)
		return err_set(err, ERR_UNKNOWN_SITE, "there is no site '%s'", site);
	return rc < 0 ? -1 : 0;
}

int store_find_number(struct store *s, uint32_t number, struct tenant *out, struct err *err)
{
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err,
			"SELECT " TENANT_COLUMNS " FROM tenant WHERE number = ?", "i",
			(int64_t)number) < 0)
		return -1;
	int rc = load(s, stmt, out, err);

	if (rc == 0)
		return err_set(err, ERR_UNKNOWN_SITE, "there is no tenant %u", number);
	return rc < 0 ? -1 : 0;
}

int store_holder(struct store *s, const char *host, char out[SITE_MAX], struct err *err)
{
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err,
			"SELECT site FROM tenant WHERE site = ?1 UNION ALL "
			"SELECT t.site FROM tenant_alias a JOIN tenant t USING (number) "
			"WHERE a.host = ?1", "s", host) < 0)
		return -1;
	int rc = sql_step(s->db, stmt, err);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return sql_text(stmt, 0, out, SITE_MAX, err);
	out[0] = '\0';
	return 0;
}

struct put_options {
	struct store *store;
	int64_t number;
	struct err *err;
};

/* For option_each(). */
static int put_option(void *ctx, const char *name, const char *value)
{
	const struct put_options *p = ctx;

	return sql_do(p->store->db, p->err, "INSERT INTO tenant_option VALUES (?, ?, ?)", "iss",
		      p->number, name, value);
}

static int put_parts(struct store *s, const struct tenant *t, struct err *err)
{
	int64_t n = t->number;
	struct put_options put = { s, n, err };

	if (sql_do(s->db, err, "DELETE FROM tenant_alias WHERE number = ?", "i", n) < 0 ||
	    sql_do(s->db, err, "DELETE FROM tenant_option WHERE number = ?", "i", n) < 0)
		return -1;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (sql_do(s->db, err, "INSERT INTO tenant_alias (host, number, place) "
			   "VALUES (?, ?, ?)", "sii", t->alias[i], n, (int64_t)i) < 0)
			return -1;
	for (int i = 0; i < OPTION_IDS; i++)
		if (t->overrides.of[i].is_set &&
		    option_each(&option_rows[i], t->overrides.of[i].text, put_option, &put) < 0)
			return -1;
	return 0;
}

int store_put(struct store *s, const struct tenant *t, struct err *err)
{
	int64_t now = time(NULL);

	if (sql_do(s->db, err,
		   "INSERT INTO tenant (" TENANT_COLUMNS ") "
		   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		   "ON CONFLICT (number) DO UPDATE SET site = excluded.site, "
		   "plan = excluded.plan, state = excluded.state, "
		   "is_suspended = excluded.is_suspended, is_undone = excluded.is_undone, "
		   "reason = excluded.reason, failure = excluded.failure, "
		   "revision = excluded.revision, restore_number = excluded.restore_number, "
		   "changed_at = excluded.changed_at, reason_class = excluded.reason_class, "
		   "is_raised = 0",
		   "issiiissiiiii", (int64_t)t->number, t->site, t->plan, (int64_t)t->state,
		   (int64_t)t->is_suspended, (int64_t)t->is_undone, t->reason, t->failure,
		   (int64_t)t->revision, (int64_t)t->restore_number,
		   t->created_at ? t->created_at : now, now, (int64_t)t->reason_class) < 0)
		return -1;
	return put_parts(s, t, err);
}

int store_delete(struct store *s, uint32_t number, struct err *err)
{
	return sql_do(s->db, err, "DELETE FROM tenant WHERE number = ?", "i", (int64_t)number);
}

int store_raise(struct store *s, uint32_t number, struct err *err)
{
	return sql_do(s->db, err,
		      "UPDATE tenant SET revision = revision + 1, is_raised = 1, changed_at = ? "
		      "WHERE number = ?", "ii", (int64_t)time(NULL), (int64_t)number);
}
