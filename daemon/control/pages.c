/* SPDX-License-Identifier: Apache-2.0 */
/* Walking pages. */
#include "daemon/control/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

/* The number is the first field of both kinds of rows. */
static uint32_t number_at(const unsigned char *row)
{
	uint32_t number = 0;

	memcpy(&number, row, sizeof(number));
	return number;
}

/* Checks one page and appends it. */
static int take_page(struct link *l, size_t row_size, unsigned char **rows, uint32_t *count,
		     uint32_t *last, struct err *err)
{
	const unsigned char *page = link_payload(l);
	size_t n = l->size / row_size;

	for (size_t i = 0; i < n; i++) {
		if (number_at(page + i * row_size) <= *last)
			break;
		*last = number_at(page + i * row_size);
		if (i + 1 == n && l->size % row_size == 0) {
			unsigned char *more = realloc(*rows, (*count + n) * row_size);

			if (!more)
				return err_sys(err, "memory for the list of tenants");
			memcpy(more + *count * row_size, page, l->size);
			*rows = more;
			*count += (uint32_t)n;
			return 0;
		}
	}
	if (l->size == 0 && !(l->head.flags & WIRE_MORE))
		return 0;
	link_close(l);
	return err_set(err, ERR_NO_DAEMON, "the supervisor sent a page of rows out of order");
}

static int walk(struct link *l, uint16_t verb, size_t row_size, unsigned char **rows,
		uint32_t *count, struct err *err)
{
	uint32_t last = 0;

	do {
		struct wire_page page = { .after = last };

		if (link_call(l, verb, 0, &page, sizeof(page), NULL, NULL, err) < 0 ||
		    take_page(l, row_size, rows, count, &last, err) < 0)
			return -1;
	} while (l->head.flags & WIRE_MORE);
	return 0;
}

int pages_list(struct link *l, struct wire_list_row **out, uint32_t *out_count, struct err *err)
{
	unsigned char *rows = NULL;
	uint32_t count = 0;

	if (walk(l, WIRE_LIST, sizeof(**out), &rows, &count, err) < 0) {
		free(rows);
		return -1;
	}
	*out = (struct wire_list_row *)(void *)rows;
	*out_count = count;
	return 0;
}

int pages_ledger(struct link *l, struct wire_ledger_row **out, uint32_t *out_count,
		 struct err *err)
{
	unsigned char *bytes = NULL;
	uint32_t count = 0;

	if (walk(l, WIRE_LEDGER, sizeof(**out), &bytes, &count, err) < 0) {
		free(bytes);
		return -1;
	}
	struct wire_ledger_row *rows = (struct wire_ledger_row *)(void *)bytes;

	for (uint32_t i = 0; i < count; i++)
		if (!str_is_terminated(rows[i].site, sizeof(rows[i].site))) {
			free(rows);
			link_close(l);
			return err_set(err, ERR_NO_DAEMON,
				       "the supervisor sent a ledger row without an end");
		}
	*out = rows;
	*out_count = count;
	return 0;
}
