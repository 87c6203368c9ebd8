/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of frames and payloads. */
#include "schema/wire.h"

#include <string.h>

#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/name.h"
#include "schema/reasons.h"

struct verb_row {
	int number;
	const char *word;
	int size;
	int is_build;
};

static const struct verb_row verbs[] = {
#define PAYLOAD_NONE 0
#define PAYLOAD_TENANT (int)sizeof(struct wire_tenant)
#define PAYLOAD_PAGE (int)sizeof(struct wire_page)
#define PAYLOAD_LOG (int)sizeof(struct wire_log)
#define PAYLOAD_EXEC (int)sizeof(struct wire_exec)
#define STEP_NONE 0
#define STEP_BUILD 1
#define VERB(name, number, word, payload, reply, step, sentence) \
	{ number, word, PAYLOAD_##payload, STEP_##step },
#include "schema/verbs.def"
#undef VERB
};

_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_tenant) <= WIRE_FRAME_MAX,
	       "a tenant fits a frame");
_Static_assert(sizeof(struct wire_head) + WIRE_LIST_ROWS * sizeof(struct wire_list_row) <=
	       WIRE_FRAME_MAX, "a page of the list fits a frame");
_Static_assert(sizeof(struct wire_head) + WIRE_LEDGER_ROWS * sizeof(struct wire_ledger_row) <=
	       WIRE_FRAME_MAX, "a page of the ledger fits a frame");
_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_jail) <= WIRE_FRAME_MAX,
	       "the facts of a jail fit a frame");
_Static_assert(sizeof(struct wire_head) + WIRE_PROMISE_ROWS * sizeof(struct wire_promise) <=
	       WIRE_FRAME_MAX, "the promises fit a frame");

_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_board) <= WIRE_FRAME_MAX,
	       "a board fits a frame");

_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_exec) <= WIRE_FRAME_MAX,
	       "a command fits a frame");

static const struct verb_row *row_of(int verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].number == verb)
			return &verbs[i];
	return NULL;
}

void wire_head_init(struct wire_head *h, uint16_t verb, uint32_t serial, uint32_t number)
{
	*h = (struct wire_head){ .magic = WIRE_MAGIC, .version = WIRE_VERSION, .verb = verb,
				 .serial = serial, .number = number };
}

int wire_check(const void *frame, size_t size, struct err *err)
{
	struct wire_head h;

	if (size < sizeof(h) || size > WIRE_FRAME_MAX)
		return err_set(err, ERR_BAD_RECORD, "a frame of %zu bytes", size);
	memcpy(&h, frame, sizeof(h));
	if (h.magic != WIRE_MAGIC || h.version != WIRE_VERSION)
		return err_set(err, ERR_BAD_RECORD, "a frame of another protocol or version");
	if (h.size != size - sizeof(h))
		return err_set(err, ERR_BAD_RECORD,
			       "a frame whose payload says %u bytes and has %zu", h.size,
			       size - sizeof(h));
	if (!row_of(h.verb))
		return err_set(err, ERR_BAD_RECORD, "a frame of unknown verb %u", h.verb);
	return 0;
}

static int check_host(const char *host, struct err *err)
{
	if (!str_is_terminated(host, SITE_MAX))
		return err_set(err, ERR_BAD_NAME, "a host name has no end");
	return name_check(host, err);
}

int wire_tenant_check(const struct wire_tenant *t, struct err *err)
{
	if (check_host(t->site, err) < 0)
		return -1;
	if (!str_is_terminated(t->reason, sizeof(t->reason)))
		return err_set(err, ERR_BAD_RECORD, "the reason has no end");
	if (t->is_suspended > 1)
		return err_set(err, ERR_BAD_RECORD, "is_suspended is %u", t->is_suspended);
	if (!reason_row(t->reason_class))
		return err_set(err, ERR_BAD_RECORD, "there is no class %u of suspensions",
			       t->reason_class);
	if (t->alias_count > ALIASES_MAX)
		return err_set(err, ERR_BAD_RECORD, "%u aliases; %d are allowed", t->alias_count,
			       ALIASES_MAX);
	for (uint32_t i = 0; i < t->alias_count; i++) {
		if (check_host(t->alias[i], err) < 0)
			return err_wrap(err, "alias");
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(t->alias[k], t->alias[i]) == 0)
				return err_set(err, ERR_CONFLICT, "alias '%s' stands twice",
					       t->alias[i]);
		if (strcmp(t->alias[i], t->site) == 0)
			return err_set(err, ERR_CONFLICT, "'%s' is the site's own name", t->site);
	}
	return mutant_is_off("ranges") ? 0 : options_check(&t->options, err);
}

int wire_board_check(const struct wire_board *b)
{
	if (b->row_count > WIRE_BOARD_ROWS)
		return 0;
	for (uint32_t i = 0; i < b->row_count; i++) {
		const struct wire_board_row *r = &b->row[i];

		if (!str_is_terminated(r->method, sizeof(r->method)) ||
		    !str_is_terminated(r->user, sizeof(r->user)) ||
		    !str_is_terminated(r->uri, sizeof(r->uri)) ||
		    !str_is_terminated(r->script, sizeof(r->script)))
			return 0;
	}
	return 1;
}

const char *wire_verb_word(int verb)
{
	const struct verb_row *row = row_of(verb);

	return row ? row->word : NULL;
}

int wire_verb_size(int verb)
{
	const struct verb_row *row = row_of(verb);

	return row ? row->size : -1;
}

int wire_verb_is_build(int verb)
{
	const struct verb_row *row = row_of(verb);

	return row ? row->is_build : 0;
}

int wire_exec_check(const struct wire_exec *e, struct err *err)
{
	uint32_t count = 0;

	if (e->size == 0 || e->size > sizeof(e->words) || e->words[e->size - 1] != '\0')
		return err_set(err, ERR_BAD_RECORD, "the words of the command do not end");
	for (uint32_t i = 0; i < e->size; i++)
		count += e->words[i] == '\0';
	if (count != e->count || count > EXEC_WORDS_MAX)
		return err_set(err, ERR_BAD_RECORD, "%u words of a command that has %u", count,
			       e->count);
	if (e->words[0] == '\0')
		return err_set(err, ERR_BAD_RECORD, "the command's program has no name");
	if (e->limit_s < 1 || e->limit_s > EXEC_LIMIT_MAX_S)
		return err_set(err, ERR_BAD_RECORD, "a command of %u seconds", e->limit_s);
	return 0;
}
