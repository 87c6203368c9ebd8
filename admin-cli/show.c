/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering.  All text passes clean_add(). */
#include "admin-cli/show.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/clean.h"

#define DEPTH_MAX 8	/* of nested objects; tenantd sends two */

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

/* One value in a line; arrays joined by commas. */
static void add_value(struct text *out, const json_t *value, int depth)
{
	size_t i = 0;
	json_t *item = NULL;

	switch (json_typeof(value)) {
	case JSON_STRING:
		clean_add(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		text_add(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		text_add(out, "%.3f", json_real_value(value));
		break;
	case JSON_TRUE:
		text_add(out, "yes");
		break;
	case JSON_FALSE:
		text_add(out, "no");
		break;
	case JSON_NULL:
		text_add(out, "-");
		break;
	case JSON_ARRAY:
		if (json_array_size(value) == 0)
			text_add(out, "-");
		json_array_foreach(value, i, item) {
			text_add(out, i ? ", " : "");
			if (depth < DEPTH_MAX)
				add_value(out, item, depth + 1);
		}
		break;
	case JSON_OBJECT: {
		const char *key = NULL;
		bool is_first = true;

		json_object_foreach((json_t *)value, key, item) {
			text_add(out, is_first ? "" : " ");
			is_first = false;
			clean_add(out, key);
			text_add(out, "=");
			if (depth < DEPTH_MAX)
				add_value(out, item, depth + 1);
		}
		break;
	}
	}
}

static void add_pair(struct text *out, const char *prefix, const char *key, const json_t *value,
		     enum args_format format, int depth)
{
	struct text text = { 0 };

	add_value(&text, value, depth);
	const char *s = text.data ? text.data : "";

	if (format == FORMAT_CSV) {
		clean_add(out, prefix);
		clean_add(out, key);
		text_add(out, ",");
		clean_add_csv(out, s);
	} else if (format == FORMAT_PLAIN) {
		clean_add(out, prefix);
		clean_add(out, key);
		text_add(out, "\t%s", s);
	} else {
		text_add(out, "%*s", 2 * depth, "");
		clean_add(out, key);
		text_add(out, ": %s", s);
	}
	text_add(out, "\n");
	text_free(&text);
}

static void add_object(struct text *out, const char *prefix, const json_t *object,
		       enum args_format format, int depth)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach((json_t *)object, key, value) {
		if (!json_is_object(value) || depth == DEPTH_MAX) {
			add_pair(out, prefix, key, value, format, depth);
			continue;
		}
		struct text inner = { 0 };

		text_add(&inner, "%s%s.", prefix, key);
		if (format == FORMAT_TABLE) {
			text_add(out, "%*s", 2 * depth, "");
			clean_add(out, key);
			text_add(out, ":\n");
		}
		add_object(out, inner.data ? inner.data : "", value, format, depth + 1);
		text_free(&inner);
	}
}

void show_object(struct text *out, const json_t *object, enum args_format format)
{
	add_object(out, "", object, format, 0);
}

void show_for_people(struct text *out, const json_t *object)
{
	const char *site = json_string_value(json_object_get(object, "site"));
	const char *unicode = json_string_value(json_object_get(object, "site_unicode"));

	if (!site || !unicode || strcmp(site, unicode) == 0)
		return;
	text_add(out, " (");
	clean_add(out, unicode);
	text_add(out, ")");
}

static void add_cell(struct text *out, const json_t *row, const struct column *column)
{
	const json_t *value = json_object_get(row, column->key);

	if (value)
		add_value(out, value, 0);
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

void show_steps(struct text *out, const json_t *data)
{
	size_t i = 0;
	json_t *step = NULL;

	json_array_foreach(json_object_get(data, "steps"), i, step) {
		const char *name = json_string_value(json_object_get(step, "name"));
		int pad = name && strlen(name) < 16 ? (int)(16 - strlen(name)) : 0;
		double ms = json_number_value(json_object_get(step, "microseconds")) / 1000;

		text_add(out, "  ");
		clean_add(out, name ? name : "?");
		text_add(out, "%*s %8.1f ms\n", pad, "", ms);
	}
}

json_t *show_by_name(const json_t *data, const char *key, const char *value)
{
	json_t *named = json_object();
	size_t i = 0;
	json_t *entry = NULL;

	/* What lacks one of them is left out: data is the peer's. */
	json_array_foreach(json_object_get(data, key), i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));

		if (name && json_object_get(entry, value))
			(void)json_object_set(named, name, json_object_get(entry, value));
	}
	return named;
}

void show_wrong(struct text *out, const json_t *data)
{
	size_t i = 0;
	json_t *part = NULL;

	json_array_foreach(json_object_get(data, "wrong"), i, part) {
		const char *name = json_string_value(json_object_get(part, "name"));
		const char *sentence = json_string_value(json_object_get(part, "sentence"));

		text_add(out, "  differs: ");
		clean_add(out, name ? name : "?");
		text_add(out, ": ");
		clean_add(out, sentence ? sentence : "?");
		text_add(out, "\n");
	}
}
