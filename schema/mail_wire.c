/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what may become of a message. */
#include "schema/mail_wire.h"

static const struct {
	const char *word;
	int status;
} rows[MAIL_RESULTS] = {
#define RESULT(name, number, word, status, sentence) { word, status },
#include "schema/mail_results.def"
#undef RESULT
};

const char *mail_result_word(uint32_t result)
{
	return result < MAIL_RESULTS ? rows[result].word : "unknown";
}

int mail_result_status(uint32_t result)
{
	return rows[result < MAIL_RESULTS ? result : MAIL_RESULT_FAILED].status;
}
