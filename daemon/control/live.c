/* SPDX-License-Identifier: Apache-2.0 */
/* Reading from the supervisor. */
#include "daemon/control/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/str.h"
#include "daemon/control/pages.h"
#include "schema/errors.h"
#include "schema/promises.h"

#define WAIT_MS 2000
#define AWAY_MS 1000
#define VERIFY_MS 130000		/* above the supervisor's own limit */

void live_init(struct live *l, const char *run_dir)
{
	l->run_dir = run_dir;
	l->away_until_ms = 0;
	link_init(&l->link, WAIT_MS, WAIT_MS);
}

void live_done(struct live *l)
{
	link_close(&l->link);
}

static int connect_again(struct live *l, struct err *err)
{
	if (loop_now_ms() >= l->away_until_ms) {
		if (link_open(&l->link, l->run_dir, &l->why) == 0)
			return 0;
		l->away_until_ms = loop_now_ms() + AWAY_MS;
	}
	return err_set(err, l->why.code, "%s", l->why.text);
}

/* Calls once, and once more on a new connection: the old one may have been to a
 * supervisor that was replaced since. */
static int ask(struct live *l, int (*call)(struct live *l, void *out, struct err *err), void *out,
	       struct err *err)
{
	bool was_open = link_is_open(&l->link);

	if (!was_open && connect_again(l, err) < 0)
		return -1;
	if (call(l, out, err) == 0)
		return 0;
	if (link_is_open(&l->link) || !was_open)
		return -1;
	return connect_again(l, err) < 0 ? -1 : call(l, out, err);
}

/* The page after the last number: the cheapest question there is. */
static int call_ping(struct live *l, void *out, struct err *err)
{
	struct wire_page page = { .after = UINT32_MAX };

	(void)out;
	return link_call(&l->link, WIRE_LIST, 0, &page, sizeof(page), NULL, NULL, err);
}

int live_ping(struct live *l, struct err *err)
{
	return ask(l, call_ping, NULL, err);
}

struct status_call {
	uint32_t number;
	struct wire_status status;
};

static int call_status(struct live *l, void *out, struct err *err)
{
	struct status_call *c = out;
	struct wire_status *s = &c->status;

	if (link_call(&l->link, WIRE_STATUS, c->number, NULL, 0, NULL, NULL, err) < 0)
		return -1;
	if (l->link.size == sizeof(*s))
		memcpy(s, link_payload(&l->link), sizeof(*s));
	if (l->link.size == sizeof(*s) && str_is_terminated(s->last_end, sizeof(s->last_end)) &&
	    str_is_terminated(s->network_reason, sizeof(s->network_reason)) &&
	    str_is_terminated(s->violation_calls, sizeof(s->violation_calls)) &&
	    str_is_terminated(s->last_error, sizeof(s->last_error)))
		return 0;
	link_close(&l->link);
	return err_set(err, ERR_NO_DAEMON, "the supervisor sent a status that cannot be read");
}

int live_status(struct live *l, uint32_t number, struct wire_status *out, struct err *err)
{
	struct status_call c = { .number = number };

	if (ask(l, call_status, &c, err) < 0)
		return -1;
	*out = c.status;
	return 0;
}

/* A reply of one struct; its texts are the caller's to check. */
struct record_call {
	uint16_t verb;
	uint32_t number;
	void *record;
	size_t size;
};

static int call_record(struct live *l, void *out, struct err *err)
{
	const struct record_call *c = out;

	if (link_call(&l->link, c->verb, c->number, NULL, 0, NULL, NULL, err) < 0)
		return -1;
	if (l->link.size == c->size) {
		memcpy(c->record, link_payload(&l->link), c->size);
		return 0;
	}
	link_close(&l->link);
	return err_set(err, ERR_NO_DAEMON, "the supervisor sent facts that cannot be read");
}

int live_machine(struct live *l, struct wire_machine *out, struct err *err)
{
	struct record_call c = { .verb = WIRE_FACTS, .record = out, .size = sizeof(*out) };

	if (ask(l, call_record, &c, err) < 0)
		return -1;
	out->controllers[sizeof(out->controllers) - 1] = '\0';
	out->network_reason[sizeof(out->network_reason) - 1] = '\0';
	out->network_note[sizeof(out->network_note) - 1] = '\0';
	out->network_lost[sizeof(out->network_lost) - 1] = '\0';
	return 0;
}

int live_jail(struct live *l, uint32_t number, struct wire_jail *out, struct err *err)
{
	struct record_call c = { .verb = WIRE_JAIL, .number = number, .record = out,
				 .size = sizeof(*out) };

	if (ask(l, call_record, &c, err) < 0)
		return -1;
	for (int i = 0; i < JAIL_PROCESSES; i++) {
		struct wire_process *p = &out->process[i];

		p->oom_score_adj[sizeof(p->oom_score_adj) - 1] = '\0';
		p->status[sizeof(p->status) - 1] = '\0';
		p->limits[sizeof(p->limits) - 1] = '\0';
	}
	for (int i = 0; i < JAIL_VALUES; i++)
		out->cgroup[i][JAIL_VALUE_MAX - 1] = '\0';
	out->mounts[sizeof(out->mounts) - 1] = '\0';
	return 0;
}

struct board_call {
	uint32_t number, after;
	struct wire_board *board;
	bool has_more;
};

static int call_board(struct live *l, void *out, struct err *err)
{
	struct board_call *c = out;
	struct wire_page page = { .after = c->after };

	if (link_call(&l->link, WIRE_BOARD, c->number, &page, sizeof(page), NULL, NULL, err) < 0)
		return -1;
	if (l->link.size == sizeof(*c->board)) {
		memcpy(c->board, link_payload(&l->link), sizeof(*c->board));
		c->has_more = l->link.head.flags & WIRE_MORE;
		if (wire_board_check(c->board))
			return 0;
	}
	link_close(&l->link);
	return err_set(err, ERR_NO_DAEMON, "the supervisor sent a board that cannot be read");
}

int live_board(struct live *l, uint32_t number, uint32_t after, struct wire_board *out,
	       bool *out_more, struct err *err)
{
	struct board_call c = { .number = number, .after = after, .board = out };

	if (ask(l, call_board, &c, err) < 0)
		return -1;
	*out_more = c.has_more;
	return 0;
}

struct verify_call {
	uint32_t number;
	struct wire_promise *rows;
	size_t count;
};

static int call_verify(struct live *l, void *out, struct err *err)
{
	struct verify_call *c = out;

	l->link.quick_ms = VERIFY_MS;
	int rc = link_call(&l->link, WIRE_VERIFY, c->number, NULL, 0, NULL, NULL, err);

	l->link.quick_ms = WAIT_MS;
	if (rc < 0)
		return -1;
	c->count = l->link.size / sizeof(*c->rows);
	bool is_right = c->count <= WIRE_PROMISE_ROWS && l->link.size % sizeof(*c->rows) == 0;

	if (is_right)
		memcpy(c->rows, link_payload(&l->link), l->link.size);
	for (size_t i = 0; is_right && i < c->count; i++)
		is_right = promise_check(&c->rows[i]);
	if (is_right)
		return 0;
	link_close(&l->link);
	return err_set(err, ERR_NO_DAEMON, "the supervisor sent outcomes that cannot be read");
}

int live_verify(struct live *l, uint32_t number, struct wire_promise out[WIRE_PROMISE_ROWS],
		size_t *out_count, struct err *err)
{
	struct verify_call c = { .number = number, .rows = out };

	if (ask(l, call_verify, &c, err) < 0)
		return -1;
	*out_count = c.count;
	return 0;
}

struct list_call {
	struct wire_list_row *rows;
	uint32_t count;
};

static int call_list(struct live *l, void *out, struct err *err)
{
	struct list_call *c = out;

	return pages_list(&l->link, &c->rows, &c->count, err);
}

int live_list(struct live *l, struct wire_list_row **out, uint32_t *out_count, struct err *err)
{
	struct list_call c = { 0 };

	if (ask(l, call_list, &c, err) < 0)
		return -1;
	*out = c.rows;
	*out_count = c.count;
	return 0;
}

static int by_number(const void *key, const void *row)
{
	uint32_t a = *(const uint32_t *)key;
	uint32_t b = ((const struct wire_list_row *)row)->number;

	return a < b ? -1 : a > b;
}

const struct wire_list_row *live_find(const struct wire_list_row *rows, uint32_t count,
				      uint32_t number)
{
	return count ? bsearch(&number, rows, count, sizeof(*rows), by_number) : NULL;
}
