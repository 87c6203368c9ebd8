/* SPDX-License-Identifier: Apache-2.0 */
/* What each verb of a peer's does: questions are answered at once, jobs are queued. */
#include "daemon/supervisor/peer_verbs.h"

#include <string.h>

#include "base/mutant.h"
#include "daemon/supervisor/board.h"
#include "daemon/supervisor/exec.h"
#include "daemon/supervisor/facts_answer.h"
#include "daemon/supervisor/jobs.h"
#include "daemon/supervisor/log_read.h"
#include "daemon/supervisor/status.h"
#include "daemon/supervisor/verify.h"
#include "schema/errors.h"

static void answer_status(struct peer *c, const struct wire_head *h)
{
	struct wire_status status;
	struct err err = { 0 };

	(void)status_read(c->peers->pools, h->number, &status, &err);	/* the reply tells */
	peers_reply(c->peers, c->id, h, &err, &status, sizeof(status));
}

static void answer_facts(struct peer *c, const struct wire_head *h)
{
	struct wire_machine machine;

	facts_machine(c->peers->pools, &machine);
	peers_reply(c->peers, c->id, h, &(struct err){ 0 }, &machine, sizeof(machine));
}

static void answer_jail(struct peer *c, const struct wire_head *h)
{
	static struct wire_jail jail;
	struct err err = { 0 };

	(void)facts_jail(c->peers->pools, h->number, &jail, &err);	/* the reply tells */
	peers_reply(c->peers, c->id, h, &err, &jail, sizeof(jail));
}

static void answer_log(struct peer *c, const struct wire_head *h, const struct wire_log *log)
{
	struct pool *p = pools_find(c->peers->pools, h->number);
	struct err err = { 0 };
	int fd = -1;

	if (!p || p->is_gone)
		(void)err_set(&err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u",
			      h->number);
	else if (log_read_open(c->peers->place, p->spec.site, log->which, &fd, &err) < 0)
		fd = -1;
	peers_reply_fds(c->peers, c->id, h, &err, NULL, 0, &fd, fd >= 0 ? 1 : 0);
}

static void answer_exec(struct peer *c, const struct wire_head *h, const struct wire_exec *what)
{
	int fds[EXEC_FDS] = { -1, -1, -1, -1 };
	struct err err = { 0 };

	if (wire_exec_check(what, &err) == 0)
		(void)exec_start(c->peers->execs, h->number, what, fds, &err);
	peers_reply_fds(c->peers, c->id, h, &err, NULL, 0, fds, err.code == 0 ? EXEC_FDS : 0);
}

static void answer_list(struct peer *c, const struct wire_head *h, const struct wire_page *page)
{
	static struct wire_list_row rows[WIRE_LIST_ROWS];
	struct wire_head head;
	bool is_more = false;
	size_t n = status_list(c->peers->pools, page->after, rows, &is_more);

	wire_head_init(&head, h->verb, h->serial, h->number);
	head.flags = WIRE_REPLY | (is_more ? WIRE_MORE : 0);
	peers_send(c->peers, c->id, &head, rows, n * sizeof(rows[0]));
}

static void answer_board(struct peer *c, const struct wire_head *h, const struct wire_page *page)
{
	static struct wire_board board;		/* large */
	struct wire_head head;
	struct err err = { 0 };
	bool is_more = false;

	if (board_status(c->peers->pools, h->number, page->after, &board, &is_more, &err) < 0) {
		peers_reply(c->peers, c->id, h, &err, NULL, 0);
		return;
	}
	wire_head_init(&head, h->verb, h->serial, h->number);
	head.flags = WIRE_REPLY | (is_more ? WIRE_MORE : 0);
	peers_send(c->peers, c->id, &head, &board, sizeof(board));
}

static void answer_recycle(struct peer *c, const struct wire_head *h)
{
	struct pool *p = pools_find(c->peers->pools, h->number);
	struct err err = { 0 };

	if (!p || p->is_gone)
		(void)err_set(&err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u",
			      h->number);
	else if (p->spec.is_suspended)
		(void)err_set(&err, ERR_CONFLICT, "'%s' is suspended", p->spec.site);
	else
		pool_replace(p);
	peers_reply(c->peers, c->id, h, &err, NULL, 0);
}

int peer_verb(struct peer *c, const void *frame, size_t size, struct err *err)
{
	struct wire_head h;
	const unsigned char *payload = (const unsigned char *)frame + sizeof(h);
	struct wire_page page = { 0 };
	static struct wire_exec exec;
	struct wire_log log;

	memcpy(&h, frame, sizeof(h));
	if ((h.flags != 0 || h.code != 0 || h.nginx_revision != 0 ||
	     (int)h.size != wire_verb_size(h.verb)) && !mutant_is_off("frame-check"))
		return err_set(err, ERR_BAD_RECORD, "verb %s with %u bytes and flags %u",
			       wire_verb_word(h.verb), h.size, h.flags);
	if ((h.verb == WIRE_HELLO) == c->has_greeted)
		return err_set(err, ERR_BAD_RECORD, "%s is not expected here",
			       wire_verb_word(h.verb));
	if (wire_verb_is_build(h.verb)) {
		struct err busy = { 0 };

		if (jobs_add(c->peers->jobs, c->id, frame, size, &busy) < 0)
			peers_reply(c->peers, c->id, &h, &busy, NULL, 0);
		return 0;
	}
	switch (h.verb) {
	case WIRE_HELLO:
		c->has_greeted = true;
		peers_reply(c->peers, c->id, &h, &(struct err){ 0 }, NULL, 0);
		return 0;
	case WIRE_STATUS:
		answer_status(c, &h);
		return 0;
	case WIRE_LIST:
		memcpy(&page, payload, sizeof(page));
		answer_list(c, &h, &page);
		return 0;
	case WIRE_FACTS:
		answer_facts(c, &h);
		return 0;
	case WIRE_JAIL:
		answer_jail(c, &h);
		return 0;
	case WIRE_EXEC:
		memcpy(&exec, payload, sizeof(exec));
		answer_exec(c, &h, &exec);
		return 0;
	case WIRE_LOG:
		memcpy(&log, payload, sizeof(log));
		answer_log(c, &h, &log);
		return 0;
	case WIRE_BOARD:
		memcpy(&page, payload, sizeof(page));
		answer_board(c, &h, &page);
		return 0;
	case WIRE_VERIFY:
		verify_start(c->peers->verify, c->id, &h);
		return 0;
	case WIRE_RECYCLE:
		answer_recycle(c, &h);
		return 0;
	default:
		return err_set(err, ERR_BAD_RECORD, "%s is not served", wire_verb_word(h.verb));
	}
}
