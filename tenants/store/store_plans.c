/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, and the tenants that follow them. */
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/store/handle.h"
#include "tenants/store/sql.h"
#include "tenants/store/store.h"

/* The plan and its ancestors, the nearest first.  Bounded, so that a damaged
 * database cannot make it endless. */
#define UP \
	"WITH RECURSIVE up (name, depth) AS (SELECT ?1, 1 UNION ALL SELECT p.parent, depth + 1 " \
	"FROM up JOIN plan p ON p.name = up.name WHERE p.parent IS NOT NULL AND depth <= 8) "
_Static_assert(PLAN_DEPTH_MAX == 8, "the number in UP is PLAN_DEPTH_MAX");

/* The plan and all that inherit from it. */
#define DOWN \
	"WITH RECURSIVE down (name) AS (SELECT ?1 UNION SELECT p.name FROM down JOIN plan p " \
	"ON p.parent = down.name) "

static int read_plan(sqlite3_stmt *stmt, struct store_plan_row *row, struct err *err)
{
	row->tenants = (uint64_t)sqlite3_column_int64(stmt, 3);
	if (sql_text(stmt, 0, row->name, sizeof(row->name), err) < 0 ||
	    sql_text(stmt, 1, row->parent, sizeof(row->parent), err) < 0 ||
	    sql_text(stmt, 2, row->sentence, sizeof(row->sentence), err) < 0)
		return -1;
	return 0;
}

#define PLAN_ROW \
	"SELECT name, ifnull(parent, ''), sentence, (SELECT count(*) FROM tenant t " \
	"WHERE t.plan = p.name) FROM plan p "

int store_each_plan(struct store *s, int (*each)(const struct store_plan_row *row, void *ctx),
		    void *ctx, struct err *err)
{
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err, PLAN_ROW "ORDER BY name", "") < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		struct store_plan_row row;

		if (read_plan(stmt, &row, err) < 0)
			return -1;
		rc = each(&row, ctx);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int add_name(const struct store_plan_row *row, void *ctx)
{
	text_add(ctx, "%s'%s'", ((struct text *)ctx)->size ? ", " : "", row->name);
	return 0;
}

static int say_unknown(struct store *s, const char *name, struct err *err)
{
	struct text names = { 0 };

	if (store_each_plan(s, add_name, &names, err) == 0)
		(void)err_set(err, ERR_UNKNOWN_PLAN, "there is no plan '%.60s'; there are %.300s",
			      name, names.data ? names.data : "none");
	text_free(&names);
	return -1;
}

int store_find_plan(struct store *s, const char *name, struct plan *out, struct err *err)
{
	struct store_plan_row row;
	struct plan p = { 0 };
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err, PLAN_ROW "WHERE name = ?", "s", name) < 0)
		return -1;
	int rc = sql_step(s->db, stmt, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return say_unknown(s, name, err);
	if (read_plan(stmt, &row, err) < 0 ||
	    store_load_options(s, &p.own, "SELECT name, value FROM plan_option WHERE plan = ?",
			       name, 0, 0, err) < 0)
		return -1;
	memcpy(p.name, row.name, sizeof(p.name));
	memcpy(p.parent, row.parent, sizeof(p.parent));
	memcpy(p.sentence, row.sentence, sizeof(p.sentence));
	*out = p;
	return 0;
}

int store_plan(struct store *s, const char *name, struct overrides *out, struct err *err)
{
	struct overrides o = { 0 };
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err, "SELECT 1 FROM plan WHERE name = ?", "s", name) < 0)
		return -1;
	int rc = sql_step(s->db, stmt, err);

	if (rc <= 0)
		return rc < 0 ? -1 : say_unknown(s, name, err);
	/* Farthest first: what a nearer plan sets goes over it. */
	if (store_load_options(s, &o, UP "SELECT o.name, o.value FROM up JOIN plan_option o "
			       "ON o.plan = up.name ORDER BY depth DESC", name, 0, 0, err) < 0)
		return -1;
	*out = o;
	return 0;
}

struct put_options {
	struct store *store;
	const char *plan;
	struct err *err;
};

/* For option_each(). */
static int put_option(void *ctx, const char *name, const char *value)
{
	const struct put_options *p = ctx;

	return sql_do(p->store->db, p->err, "INSERT INTO plan_option VALUES (?, ?, ?)", "sss",
		      p->plan, name, value);
}

int store_put_plan(struct store *s, const struct plan *p, struct err *err)
{
	struct put_options put = { s, p->name, err };

	if (sql_do(s->db, err,
		   "INSERT INTO plan (name, parent, sentence) VALUES (?, nullif(?, ''), ?) "
		   "ON CONFLICT (name) DO UPDATE SET parent = excluded.parent, "
		   "sentence = excluded.sentence", "sss", p->name, p->parent, p->sentence) < 0 ||
	    sql_do(s->db, err, "DELETE FROM plan_option WHERE plan = ?", "s", p->name) < 0)
		return -1;
	for (int i = 0; i < OPTION_IDS; i++)
		if (p->own.of[i].is_set &&
		    option_each(&option_rows[i], p->own.of[i].text, put_option, &put) < 0)
			return -1;
	return 0;
}

int store_delete_plan(struct store *s, const char *name, struct err *err)
{
	return sql_do(s->db, err, "DELETE FROM plan WHERE name = ?", "s", name);
}

int store_plan_uses(struct store *s, const char *name, struct store_plan_uses *out,
		    struct err *err)
{
	struct store_plan_uses uses = { 0 };
	SQL_STMT *stmt = NULL;

	/* A change that is not confirmed may go back to the plan of before. */
	if (sql_prepare(s->db, &stmt, err,
			"SELECT (SELECT count(*) FROM tenant WHERE plan = ?1) + "
			"(SELECT count(*) FROM kept WHERE plan = ?1 AND kind = 1), "
			"(SELECT count(*) FROM plan WHERE parent = ?1), "
			"ifnull((SELECT min(site) FROM tenant WHERE plan = ?1), '')", "s",
			name) < 0 ||
	    sql_step(s->db, stmt, err) < 0)
		return -1;
	uses.tenants = (uint64_t)sqlite3_column_int64(stmt, 0);
	uses.plans = (uint64_t)sqlite3_column_int64(stmt, 1);
	if (sql_text(stmt, 2, uses.site, sizeof(uses.site), err) < 0)
		return -1;
	*out = uses;
	return 0;
}

int store_plan_fits(struct store *s, const char *name, const char *parent, struct err *err)
{
	SQL_STMT *stmt = NULL;

	if (sql_prepare(s->db, &stmt, err,
			"WITH RECURSIVE up (name, depth) AS (SELECT ?2, 1 UNION ALL "
			"SELECT p.parent, depth + 1 FROM up JOIN plan p ON p.name = up.name "
			"WHERE p.parent IS NOT NULL AND depth <= ?3), "
			"down (name, depth) AS (SELECT ?1, 1 UNION ALL SELECT p.name, depth + 1 "
			"FROM down JOIN plan p ON p.parent = down.name WHERE depth <= ?3) "
			"SELECT EXISTS (SELECT 1 FROM up WHERE name = ?1), "
			"(SELECT max(depth) FROM up) + (SELECT max(depth) FROM down) > ?3",
			"ssi", name, parent, (int64_t)PLAN_DEPTH_MAX) < 0 ||
	    sql_step(s->db, stmt, err) < 0)
		return -1;
	if (sqlite3_column_int(stmt, 0))
		return err_set(err, ERR_CONFLICT, "plan '%s' cannot inherit from '%s', which "
			       "inherits from it", name, parent);
	if (sqlite3_column_int(stmt, 1))
		return err_set(err, ERR_CONFLICT, "with parent '%s' plan '%s' would make a line of "
			       "more than %d plans", parent, name, PLAN_DEPTH_MAX);
	return 0;
}

int store_each_heir(struct store *s, const char *name, int (*each)(const char *name, void *ctx),
		    void *ctx, struct err *err)
{
	char heir[PLAN_NAME_MAX];
	SQL_STMT *stmt = NULL;
	int rc = 0;

	if (sql_prepare(s->db, &stmt, err, DOWN "SELECT name FROM down", "s", name) < 0)
		return -1;
	while ((rc = sql_step(s->db, stmt, err)) > 0) {
		if (sql_text(stmt, 0, heir, sizeof(heir), err) < 0)
			return -1;
		rc = each(heir, ctx);
		if (rc < 0)
			return rc;
	}
	return rc;
}
