/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the states. */
#include "schema/states.h"

#include <string.h>

enum kind { KIND_TENANT, KIND_POOL, KIND_LINK };

static const struct {
	enum kind kind;
	int number;
	const char *word;
} rows[] = {
#define STATE(kind, name, number, word, sentence) { KIND_##kind, number, word },
#include "schema/states.def"
#undef STATE
};

static const char *word_of(enum kind kind, int number)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].kind == kind && rows[i].number == number)
			return rows[i].word;
	return "unknown";
}

const char *tenant_state_word(int state)
{
	return word_of(KIND_TENANT, state);
}

const char *pool_state_word(int state)
{
	return word_of(KIND_POOL, state);
}

const char *link_state_word(int state)
{
	return word_of(KIND_LINK, state);
}

int tenant_state_by_word(const char *word)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].kind == KIND_TENANT && strcmp(rows[i].word, word) == 0)
			return rows[i].number;
	return 0;
}
