/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page of a pool, as PHP-FPM writes it: the same fields under the same
 * names in five formats, and some more of ours behind them.  Pure: facts in, text
 * out.  Texts that come from visitors or from the pool are escaped.  tenant-control writes it
 * for nginx, also where a pool is full or cold, and a worker for who asks the pool itself.
 */
#ifndef SCHEMA_POOL_PAGE_H
#define SCHEMA_POOL_PAGE_H

#include <stdbool.h>

#include "base/str.h"
#include "schema/wire.h"

enum page_format { PAGE_PLAIN, PAGE_JSON, PAGE_HTML, PAGE_XML, PAGE_OPENMETRICS, PAGE_FORMATS };

struct pool_facts {
	const char *site;
	const char *pm;
	int64_t now;			/* seconds since 1970 */
	struct wire_board board;	/* its rows are not looked at */
	const struct wire_board_row *rows;
	uint32_t row_count;
};

/* The words that a query has for the formats; NULL for PAGE_PLAIN. */
extern const char *const page_words[PAGE_FORMATS];

/* What a query asks for: "json&full". */
enum page_format page_asked(const char *query, bool *out_is_full);

const char *page_content_type(enum page_format format);

/* IS_FULL: with the workers, where the format has them. */
void page_write(const struct pool_facts *facts, enum page_format format, bool is_full,
		struct text *out);

#endif
