/* SPDX-License-Identifier: Apache-2.0 */
/* What a status page tells: names, kinds and values, whatever the format.  For pool_page.c. */
#ifndef SCHEMA_PAGE_VALUES_H
#define SCHEMA_PAGE_VALUES_H

#include "schema/pool_page.h"

#define PAGE_UNKNOWN UINT64_MAX		/* a number that nobody knows */

enum page_kind { PAGE_TEXT, PAGE_NUMBER, PAGE_TIME, PAGE_REAL };

struct page_value {
	const char *name;		/* as JSON has it, and the text formats, too */
	enum page_kind kind;
	const char *text;
	uint64_t number;
	double real;
	const char *metric, *type, *help;	/* of openmetrics; NULL: not there */
	bool type_first;		/* before the help, as PHP-FPM has it for one */
};

#define PAGE_FPM_VALUES 14		/* the first, which PHP-FPM has; the others are ours */
#define PAGE_POOL_VALUES 18
#define PAGE_ROW_VALUES 13

/* Of the pool, and of one of its workers.  Texts are borrowed from the facts. */
void page_pool_values(const struct pool_facts *f, struct page_value out[PAGE_POOL_VALUES]);
void page_row_values(const struct wire_board_row *r, int64_t now,
		     struct page_value out[PAGE_ROW_VALUES]);

#endif
