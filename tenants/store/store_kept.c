/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants as they were: before a change, and removed ones. */
#include <time.h>

#include "tenants/store/handle.h"
#include "tenants/store/sql.h"
#include "tenants/store/store.h"

int store_keep(struct store *s, uint32_t number, enum kept_kind kind, struct err *err)
{
	int64_t n = number;
	int64_t k = kind;

	if (store_drop_kept(s, number, kind, err) < 0)
		return -1;
	if (sql_do(s->db, err,
		   "INSERT INTO kept SELECT number, ?2, site, plan, state, is_suspended, reason, "
		   "failure, created_at, ?3, reason_class FROM tenant WHERE number = ?1",
		   "iii", n, k, (int64_t)time(NULL)) < 0)
		return -1;
	if (sql_do(s->db, err,
		   "INSERT INTO kept_alias SELECT number, ?2, host, place FROM tenant_alias "
		   "WHERE number = ?1", "ii", n, k) < 0)
		return -1;
	return sql_do(s->db, err,
		      "INSERT INTO kept_option SELECT number, ?2, name, value FROM tenant_option "
		      "WHERE number = ?1", "ii", n, k);
}

int store_kept(struct store *s, uint32_t number, enum kept_kind kind, struct tenant *out,
	       struct err *err)
{
	struct tenant t = { .number = number };
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err,
			"SELECT site, plan, reason, failure, state, is_suspended, "
			"created_at, reason_class FROM kept WHERE number = ? AND kind = ?", "ii",
			(int64_t)number, (int64_t)kind) < 0)
		return -1;
	int rc = sql_step(s->db, stmt, err);

	if (rc <= 0)
		return rc;
	t.state = sqlite3_column_int(stmt, 4);
	t.is_suspended = sqlite3_column_int(stmt, 5) != 0;
	t.created_at = sqlite3_column_int64(stmt, 6);
	t.reason_class = (uint32_t)sqlite3_column_int64(stmt, 7);
	if (sql_text(stmt, 0, t.site, sizeof(t.site), err) < 0 ||
	    sql_text(stmt, 1, t.plan, sizeof(t.plan), err) < 0 ||
	    sql_text(stmt, 2, t.reason, sizeof(t.reason), err) < 0 ||
	    sql_text(stmt, 3, t.failure, sizeof(t.failure), err) < 0 ||
	    store_load_aliases(s, &t, "SELECT host FROM kept_alias WHERE number = ?1 AND "
			       "kind = ?2 ORDER BY place", number, kind, err) < 0 ||
	    store_load_options(s, &t.overrides, "SELECT name, value FROM kept_option "
			       "WHERE number = ?1 AND kind = ?2", NULL, number, kind, err) < 0)
		return -1;
	*out = t;
	return 1;
}

int store_drop_kept(struct store *s, uint32_t number, enum kept_kind kind, struct err *err)
{
	return sql_do(s->db, err, "DELETE FROM kept WHERE number = ? AND kind = ?", "ii",
		      (int64_t)number, (int64_t)kind);
}

int store_each_removed(struct store *s,
		       int (*each)(const struct store_removed_row *row, void *ctx), void *ctx,
		       struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err, "SELECT number, kept_at, site, plan FROM kept "
			"WHERE kind = 2 ORDER BY site, number", "") < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		struct store_removed_row row = {
			.number = (uint32_t)sqlite3_column_int64(stmt, 0),
			.removed_at = sqlite3_column_int64(stmt, 1),
		};

		if (sql_text(stmt, 2, row.site, sizeof(row.site), err) < 0 ||
		    sql_text(stmt, 3, row.plan, sizeof(row.plan), err) < 0)
			return -1;
		rc = each(&row, ctx);
		if (rc < 0)
			return rc;
	}
	return rc;
}
