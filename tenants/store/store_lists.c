/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over many rows, and the audit trail. */
#include <string.h>
#include <time.h>

#include "tenants/store/handle.h"
#include "tenants/store/sql.h"
#include "tenants/store/store.h"

int store_each(struct store *s, int (*each)(const struct store_row *row, void *ctx), void *ctx,
	       struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err,
			"SELECT number, state, is_suspended, is_undone, revision, is_raised OR "
			"EXISTS (SELECT 1 FROM kept k WHERE k.number = t.number AND k.kind = 1), "
			"site, plan, iif(failure <> '', failure, reason) FROM tenant t "
			"ORDER BY site", "") < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		struct store_row row = {
			.number = (uint32_t)sqlite3_column_int64(stmt, 0),
			.state = sqlite3_column_int(stmt, 1),
			.is_suspended = sqlite3_column_int(stmt, 2) != 0,
			.is_undone = sqlite3_column_int(stmt, 3) != 0,
			.revision = (uint64_t)sqlite3_column_int64(stmt, 4),
			.is_pending = sqlite3_column_int(stmt, 5) != 0,
		};

		if (sql_text(stmt, 6, row.site, sizeof(row.site), err) < 0 ||
		    sql_text(stmt, 7, row.plan, sizeof(row.plan), err) < 0 ||
		    sql_text(stmt, 8, row.reason, sizeof(row.reason), err) < 0)
			return -1;
		rc = each(&row, ctx);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int store_each_value(struct store *s, const char *option,
		     int (*each)(const char *plan, const char *value, uint64_t sites, void *ctx),
		     void *ctx, struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err,
			"SELECT t.plan, coalesce(o.value, ''), count(*) FROM tenant t LEFT JOIN "
			"tenant_option o ON o.number = t.number AND o.name = ? "
			"WHERE NOT t.is_undone GROUP BY 1, 2", "s", option) < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		char plan[PLAN_NAME_MAX];
		char value[OPTION_FORMAT_MAX];

		if (sql_text(stmt, 0, plan, sizeof(plan), err) < 0 ||
		    sql_text(stmt, 1, value, sizeof(value), err) < 0)
			return -1;
		rc = each(plan, value, (uint64_t)sqlite3_column_int64(stmt, 2), ctx);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int store_count(struct store *s, uint64_t out[TENANT_STATES], struct err *err)
{
	uint64_t counts[TENANT_STATES] = { 0 };
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err, "SELECT state, count(*) FROM tenant GROUP BY state",
			"") < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		int state = sqlite3_column_int(stmt, 0);

		if (state > 0 && state < TENANT_STATES)
			counts[state] = (uint64_t)sqlite3_column_int64(stmt, 1);
		counts[0] += (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	if (rc == 0)
		memcpy(out, counts, sizeof(counts));
	return rc;
}

int store_audit(struct store *s, uint32_t uid, const char *verb, const char *site,
		int64_t *out_id, struct err *err)
{
	if (sql_do(s->db, err, "INSERT INTO audit (uid, at, verb, site, result, detail) "
		   "VALUES (?, ?, ?, ?, 'started', '')", "iiss", (int64_t)uid,
		   (int64_t)time(NULL), verb, site) < 0)
		return -1;
	*out_id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

int store_audit_result(struct store *s, int64_t id, const char *result, const char *detail,
		       struct err *err)
{
	return sql_do(s->db, err, "UPDATE audit SET result = ?, detail = ? WHERE id = ?", "ssi",
		      result, detail, id);
}

int store_audit_trim(struct store *s, uint64_t rows, struct err *err)
{
	if (sql_do(s->db, err, "DELETE FROM audit WHERE at < ?", "i",
		   (int64_t)time(NULL) - (int64_t)AUDIT_DAYS * 86400) < 0)
		return -1;
	return sql_do(s->db, err, "DELETE FROM audit WHERE id IN (SELECT id FROM (SELECT id, "
		      "row_number() OVER (PARTITION BY result IN ('done', 'started') "
		      "ORDER BY id DESC) AS place FROM audit) WHERE place > ?)", "i",
		      (int64_t)(rows / 2));
}
