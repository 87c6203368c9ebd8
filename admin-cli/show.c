/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering of values and objects.  All text passes clean_add(). */
#include "admin-cli/show.h"

#include <string.h>

#include "admin-cli/clean.h"

#define DEPTH_MAX 8	/* of nested objects; tenantd sends two */

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

void show_value(struct text *out, const json_t *value)
{
	add_value(out, value, 0);
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
		const char *sentence = json_string_value(json_object_get(step, "sentence"));

		text_add(out, "%*s %8.1f ms%s", pad, "", ms, sentence ? "  " : "");
		clean_add(out, sentence ? sentence : "");
		text_add(out, "\n");
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
