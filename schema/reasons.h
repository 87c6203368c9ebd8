/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of suspensions, from reasons.def. */
#ifndef SCHEMA_REASONS_H
#define SCHEMA_REASONS_H

#include <stdint.h>

enum reason_class {
#define REASON(name, number, word, retry_after, visitors, administrators) REASON_##name = number,
#include "schema/reasons.def"
#undef REASON
	REASON_CLASSES
};

struct reason_row {
	uint32_t number;
	const char *word;
	int retry_after_s;
	const char *visitors, *administrators;	/* sentences */
};

extern const struct reason_row reason_rows[REASON_CLASSES];

/* The row of a number; NULL for any other number. */
const struct reason_row *reason_row(uint64_t number);

/* The row by its word, or NULL. */
const struct reason_row *reason_by_word(const char *word);

#endif
