/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering of lists: which columns each has, and how they are laid out. */
#include "admin-cli/show.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/clean.h"

#define COLUMNS_MAX 6

struct column {
	const char *key, *title;	/* NULL behind the last one */
};

static const struct list_row {
	int id;			/* of the command or route */
	const char *if_empty;
	struct column columns[COLUMNS_MAX + 1];
} lists[] = {
	{
		COMMAND_LIST, "no sites; `tenantctl add site.example` makes one\n",
		{ { "site", "site" }, { "state", "state" }, { "pool_state", "pool" },
		  { "plan", "plan" }, { "number", "number" }, { "reason", "reason" } },
	},
	{
		ROUTE_REMOVED, "no removed site can be restored\n",
		{ { "site", "site" }, { "plan", "plan" }, { "number", "number" },
		  { "removed_at", "removed_at" }, { "kept_until", "kept_until" } },
	},
	{
		COMMAND_DOCTOR, "no checks\n",
		{ { "result", "result" }, { "id", "check" }, { "found", "found" },
		  { "advice", "what to do" } },
	},
	{
		ROUTE_JAIL, "no facts\n",
		{ { "result", "result" }, { "process", "process" }, { "fact", "fact" },
		  { "record", "record" }, { "kernel", "kernel" } },
	},
	{
		COMMAND_IMPORT_PHP_FPM, "no pools\n",
		{ { "pool", "pool" }, { "directive", "directive" }, { "value", "value" },
		  { "becomes", "becomes" }, { "why", "why not" } },
	},
	{
		SHOW_CHANGES, "nothing would change\n",
		{ { "what", "what" }, { "from", "from" }, { "to", "to" },
		  { "touches", "touches" } },
	},
	{
		COMMAND_VERIFY, "no sites\n",
		{ { "site", "site" }, { "result", "result" }, { "id", "promise" },
		  { "promise", "a hostile site cannot" }, { "found", "found" } },
	},
	{
		COMMAND_PHP_LIST, "no version of PHP\n",
		{ { "version", "version" }, { "state", "state" }, { "is_default", "default" },
		  { "sites", "sites" }, { "reason", "reason" } },
	},
	{
		COMMAND_PLAN_LIST, "no plans\n",
		{ { "name", "plan" }, { "parent", "parent" }, { "tenants", "sites" },
		  { "sentence", "sentence" } },
	},
};

static void add_cell(struct text *out, const json_t *row, const struct column *column)
{
	const json_t *value = json_object_get(row, column->key);

	if (value)
		show_value(out, value);
}

static void add_rows(struct text *out, const json_t *rows, const struct column *columns,
		     enum args_format format)
{
	size_t i = 0;
	json_t *row = NULL;

	for (const struct column *c = columns; format == FORMAT_CSV && c->key; c++)
		text_add(out, "%s%s", c->title, c[1].key ? "," : "\n");
	json_array_foreach(rows, i, row)
		for (const struct column *c = columns; c->key; c++) {
			struct text cell = { 0 };

			add_cell(&cell, row, c);
			if (format == FORMAT_CSV)
				clean_add_csv(out, cell.data ? cell.data : "");
			else
				text_add(out, "%s", cell.data ? cell.data : "");
			text_add(out, "%s", !c[1].key ? "\n" : format == FORMAT_CSV ? "," : "\t");
			text_free(&cell);
		}
}

static int fill_line(struct libscols_line *line, const json_t *row, const struct column *columns)
{
	for (size_t c = 0; columns[c].key; c++) {
		struct text cell = { 0 };

		add_cell(&cell, row, &columns[c]);
		if (strcmp(columns[c].key, "site") == 0)
			show_for_people(&cell, row);
		int rc = scols_line_set_data(line, c, cell.data ? cell.data : "");

		text_free(&cell);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int fill_table(struct libscols_table *table, const json_t *rows,
		      const struct column *columns)
{
	size_t i = 0;
	json_t *row = NULL;

	for (const struct column *c = columns; c->key; c++)
		if (!scols_table_new_column(table, c->title, 0, 0))
			return -1;
	json_array_foreach(rows, i, row) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line || fill_line(line, row, columns) < 0)
			return -1;
	}
	return 0;
}

static void add_table(struct text *out, const json_t *rows, const struct column *columns)
{
	struct libscols_table *table = scols_new_table();
	char *printed = NULL;

	if (!table || fill_table(table, rows, columns) < 0 ||
	    scols_print_table_to_string(table, &printed) != 0)
		out->failed = true;
	else
		text_add(out, "%s\n", printed);
	free(printed);
	scols_unref_table(table);
}

static const json_t *first_array(const json_t *data)
{
	const char *key = NULL;
	json_t *value = NULL;

	if (json_is_array(data))
		return data;
	json_object_foreach((json_t *)data, key, value)
		if (json_is_array(value))
			return value;
	return NULL;
}

static const struct list_row *list_of(int id)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].id == id)
			return &lists[i];
	return NULL;
}

bool show_is_list(int id)
{
	return list_of(id) != NULL;
}

void show_list(struct text *out, const json_t *data, int id, enum args_format format)
{
	const struct list_row *row = list_of(id);
	const json_t *rows = first_array(data);

	if (format != FORMAT_TABLE)
		add_rows(out, rows, row->columns, format);
	else if (json_array_size(rows) == 0)
		text_add(out, "%s", row->if_empty);
	else
		add_table(out, rows, row->columns);
}
