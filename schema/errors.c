/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors. */
#include "schema/errors.h"

#include <string.h>

#include "base/str.h"

_Static_assert(ERR_SYSTEM == 1, "base/err.h and errors.def name the first code alike");

const struct error_row error_rows[] = {
#define ERR(name, text, number, status, http, sentence, next) \
	{ number, text, status, http, sentence, next },
#include "schema/errors.def"
#undef ERR
};
const int error_row_count = (int)ARRAY_SIZE(error_rows);

const struct error_row *error_row(int code)
{
	const struct error_row *failed = &error_rows[1];

	for (int i = 0; i < error_row_count; i++)
		if (error_rows[i].number == code)
			return &error_rows[i];
	return failed;
}

const struct error_row *error_by_name(const char *name)
{
	for (int i = 0; i < error_row_count; i++)
		if (strcmp(error_rows[i].name, name) == 0)
			return &error_rows[i];
	return NULL;
}
