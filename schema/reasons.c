/* SPDX-License-Identifier: Apache-2.0 */
/* The table of classes of suspensions. */
#include "schema/reasons.h"

#include <stddef.h>
#include <string.h>

const struct reason_row reason_rows[REASON_CLASSES] = {
#define REASON(name, number, word, retry_after, visitors, administrators) \
	[number] = { number, word, retry_after, visitors, administrators },
#include "schema/reasons.def"
#undef REASON
};

const struct reason_row *reason_row(uint64_t number)
{
	return number < REASON_CLASSES && reason_rows[number].word ? &reason_rows[number] : NULL;
}

const struct reason_row *reason_by_word(const char *word)
{
	for (uint64_t i = 0; i < REASON_CLASSES; i++)
		if (reason_row(i) && strcmp(reason_rows[i].word, word) == 0)
			return &reason_rows[i];
	return NULL;
}
