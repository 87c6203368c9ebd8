/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of the status page: how what page_values.c has is told. */
#include "schema/pool_page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "schema/page_values.h"

#define VALUE_MAX 320

const char *const page_words[PAGE_FORMATS] = { NULL, "json", "html", "xml", "openmetrics" };

static bool has_word(const char *query, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = query; *at; at += *at == '&') {
		size_t n = strcspn(at, "&");

		if (n >= size && strncmp(at, word, size) == 0 && (n == size || at[size] == '='))
			return true;
		at += n;
	}
	return false;
}

enum page_format page_asked(const char *query, bool *out_is_full)
{
	*out_is_full = has_word(query, "full");
	for (int f = PAGE_JSON; f < PAGE_FORMATS; f++)
		if (has_word(query, page_words[f]))
			return (enum page_format)f;
	return PAGE_PLAIN;
}

const char *page_content_type(enum page_format format)
{
	static const char *const types[PAGE_FORMATS] = {
		"text/plain;charset=UTF-8", "application/json", "text/html;charset=UTF-8",
		"text/xml",
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
	};

	return types[format];
}

/* ---- text ---- */

static void print_value(const struct page_value *v, bool is_date, char out[VALUE_MAX])
{
	time_t at = (time_t)v->number;
	struct tm tm = { 0 };

	switch (v->kind) {
	case PAGE_TEXT:
		(void)snprintf(out, VALUE_MAX, "%s", v->text);
		return;
	case PAGE_TIME:
		if (!is_date)
			(void)snprintf(out, VALUE_MAX, "%llu", (unsigned long long)v->number);
		else if (!gmtime_r(&at, &tm) ||
			 strftime(out, VALUE_MAX, "%d/%b/%Y:%H:%M:%S +0000", &tm) == 0)
			(void)snprintf(out, VALUE_MAX, "-");
		return;
	case PAGE_REAL:
		(void)snprintf(out, VALUE_MAX, "%.2f", v->real);
		return;
	case PAGE_NUMBER:
		break;
	}
	if (v->number == PAGE_UNKNOWN)
		(void)snprintf(out, VALUE_MAX, "-");
	else
		(void)snprintf(out, VALUE_MAX, "%llu", (unsigned long long)v->number);
}

/* Only printable ASCII stays as it is: no line, tag or entity can be made up. */
static void add_escaped(struct text *out, const char *s, bool is_markup)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			text_add(out, "?");
		else if (is_markup && strchr("&<>\"'", *s))
			text_add(out, "&#%d;", *s);
		else
			text_add(out, "%c", *s);
	}
}

static void write_plain(const struct page_value *v, size_t count, struct text *out)
{
	char value[VALUE_MAX], label[40];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(label, sizeof(label), "%s:",
			       strcmp(v[i].name, "request uri") == 0 ? "request URI" : v[i].name);
		print_value(&v[i], true, value);
		text_add(out, "%-21s ", label);
		add_escaped(out, value, false);
		text_add(out, "\n");
	}
}

static void write_tags(const struct page_value *v, size_t count, struct text *out)
{
	char value[VALUE_MAX], tag[40];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(tag, sizeof(tag), "%s", v[i].name);
		for (char *blank = tag; (blank = strchr(blank, ' '));)
			*blank = '-';
		print_value(&v[i], false, value);
		text_add(out, "<%s>", tag);
		add_escaped(out, value, true);
		text_add(out, "</%s>\n", tag);
	}
}

static void write_table(const struct page_value *v, size_t count, struct text *out)
{
	char value[VALUE_MAX];

	for (size_t i = 0; i < count; i++) {
		print_value(&v[i], true, value);
		text_add(out, "<tr><th>%s</th><td>", v[i].name);
		add_escaped(out, value, true);
		text_add(out, "</td></tr>\n");
	}
}

/* A table of its own for the workers, one a line. */
static void write_columns(const struct page_value row[PAGE_ROW_VALUES], bool is_first,
			  struct text *out)
{
	char value[VALUE_MAX];

	text_add(out, is_first ? "<table border=\"1\">\n<tr>" : "<tr>");
	for (size_t i = 0; is_first && i < PAGE_ROW_VALUES; i++)
		text_add(out, "<th>%s</th>", row[i].name);
	text_add(out, is_first ? "</tr>\n<tr>" : "");
	for (size_t i = 0; i < PAGE_ROW_VALUES; i++) {
		print_value(&row[i], true, value);
		text_add(out, "<td>");
		add_escaped(out, value, true);
		text_add(out, "</td>");
	}
	text_add(out, "</tr>\n");
}

static void write_metric(const struct page_value *v, struct text *out)
{
	if (v->type_first)
		text_add(out, "# TYPE %s %s\n# HELP %s %s\n", v->metric, v->type, v->metric,
			 v->help);
	else
		text_add(out, "# HELP %s %s\n# TYPE %s %s\n", v->metric, v->help, v->metric,
			 v->type);
	text_add(out, "%s %llu\n", v->metric, (unsigned long long)v->number);
}

static void write_metrics(const struct pool_facts *f, const struct page_value *v, struct text *out)
{
	uint64_t sum = 0;

	text_add(out, "# HELP phpfpm_up Could pool %s using a %s PM on PHP-FPM be reached?\n"
		      "# TYPE phpfpm_up gauge\nphpfpm_up 1\n", f->site, f->pm);
	for (size_t i = 0; i < PAGE_POOL_VALUES; i++)
		if (v[i].metric && v[i].number != PAGE_UNKNOWN)
			write_metric(&v[i], out);
	text_add(out, "# HELP tenantd_wait_seconds Time that requests waited for a worker.\n"
		      "# TYPE tenantd_wait_seconds histogram\n");
	for (size_t i = 0; i < BOARD_WAITS; i++) {
		sum += f->board.waits[i];
		if (i < BOARD_WAITS - 1)
			text_add(out, "tenantd_wait_seconds_bucket{le=\"%g\"} %llu\n",
				 board_wait_ms[i] / 1000.0, (unsigned long long)sum);
	}
	text_add(out, "tenantd_wait_seconds_bucket{le=\"+Inf\"} %llu\n"
		      "tenantd_wait_seconds_sum %.3f\ntenantd_wait_seconds_count %llu\n# EOF\n",
		 (unsigned long long)sum, (double)f->board.waited_ms / 1000.0,
		 (unsigned long long)sum);
}

/* ---- JSON ---- */

/* Any byte that is not ASCII becomes a '?': it may be half a letter. */
static void add_json_text(struct text *out, const char *s)
{
	text_add(out, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			text_add(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			text_add(out, "\\u%04x", c);
		else
			text_add(out, "%c", c < 0x80 ? c : '?');
	}
	text_add(out, "\"");
}

static void write_json_values(const struct page_value *v, size_t count, struct text *out)
{
	for (size_t i = 0; i < count; i++) {
		text_add(out, "%s\"%s\":", i ? "," : "", v[i].name);
		if (v[i].kind == PAGE_TEXT)
			add_json_text(out, v[i].text);
		else if (v[i].kind == PAGE_REAL)
			text_add(out, "%.2f", v[i].real);
		else if (v[i].number > INT64_MAX)
			text_add(out, "null");
		else
			text_add(out, "%llu", (unsigned long long)v[i].number);
	}
}

static void write_json(const struct pool_facts *f, const struct page_value *pool, size_t count,
		       bool is_full, struct text *out)
{
	struct page_value row[PAGE_ROW_VALUES];

	text_add(out, "{");
	write_json_values(pool, count, out);
	text_add(out, is_full ? ",\"processes\":[" : "");
	for (uint32_t i = 0; is_full && i < f->row_count; i++) {
		page_row_values(&f->rows[i], f->now, row);
		text_add(out, i ? ",{" : "{");
		write_json_values(row, PAGE_ROW_VALUES, out);
		text_add(out, "}");
	}
	text_add(out, is_full ? "]}" : "}");
}

static void write_rows(const struct pool_facts *f, enum page_format format, struct text *out)
{
	struct page_value row[PAGE_ROW_VALUES];

	for (uint32_t i = 0; i < f->row_count; i++) {
		page_row_values(&f->rows[i], f->now, row);
		if (format == PAGE_PLAIN) {
			text_add(out, "\n************************\n");
			write_plain(row, PAGE_ROW_VALUES, out);
		} else if (format == PAGE_XML) {
			text_add(out, "<process>");
			write_tags(row, PAGE_ROW_VALUES, out);
			text_add(out, "</process>\n");
		} else {
			write_columns(row, i == 0, out);
		}
	}
}

static const char html_head[] =
	"<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "
	"\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n"
	"<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
	"<head><title>PHP-FPM Status Page</title></head>\n"
	"<body>\n<table>\n";

void page_write(const struct pool_facts *f, enum page_format format, bool is_full,
		struct text *out)
{
	struct page_value pool[PAGE_POOL_VALUES];
	/* Unless all is asked for the page is PHP-FPM's to the letter: some read it by
	 * patterns. */
	size_t count = is_full ? PAGE_POOL_VALUES : PAGE_FPM_VALUES;

	page_pool_values(f, pool);
	switch (format) {
	case PAGE_JSON:
		write_json(f, pool, count, is_full, out);
		return;
	case PAGE_OPENMETRICS:
		write_metrics(f, pool, out);
		return;
	case PAGE_HTML:
		text_add(out, html_head);
		write_table(pool, count, out);
		text_add(out, "</table>\n");
		break;
	case PAGE_XML:
		text_add(out, "<?xml version=\"1.0\" ?>\n<status>\n");
		write_tags(pool, count, out);
		break;
	case PAGE_PLAIN:
	case PAGE_FORMATS:
		write_plain(pool, count, out);
		break;
	}
	if (format == PAGE_XML)
		text_add(out, is_full ? "<processes>\n" : "");
	if (is_full)
		write_rows(f, format, out);
	if (format == PAGE_XML)
		text_add(out, "%s</status>\n", is_full ? "</processes>\n" : "");
	if (format == PAGE_HTML)
		text_add(out, "%s</body></html>\n",
			 is_full && f->row_count > 0 ? "</table>\n" : "");
}
