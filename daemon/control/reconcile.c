/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing what should be with what is, and closing the gaps. */
#include "daemon/control/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "daemon/control/live.h"
#include "daemon/control/pages.h"
#include "schema/errors.h"
#include "schema/events.h"

/* Both sides of the comparison. */
struct sides {
	struct store_row *rows;		/* by number */
	uint32_t row_count, row_room;
	struct wire_list_row *specs;
	uint32_t spec_count;
	struct wire_ledger_row *ledger;
	uint32_t ledger_count;
};

static void *grown(void *array, uint32_t count, size_t size)
{
	/* Room doubles: 0, 64, 128, ... */
	if (count && (count & (count - 1) || count < 64))
		return array;
	return realloc(array, (count ? (size_t)count * 2 : 64) * size);
}

static int add_row(const struct store_row *row, void *ctx)
{
	struct sides *s = ctx;
	void *more = grown(s->rows, s->row_count, sizeof(*row));

	if (!more)
		return -1;
	s->rows = more;
	s->rows[s->row_count++] = *row;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct store_row *)a)->number;
	uint32_t y = ((const struct store_row *)b)->number;

	return x < y ? -1 : x > y;
}

static const struct store_row *row_of(const struct sides *s, uint32_t number)
{
	struct store_row key = { .number = number };

	return s->row_count ? bsearch(&key, s->rows, s->row_count, sizeof(key), by_number) : NULL;
}

static const struct wire_ledger_row *ledger_of(const struct sides *s, uint32_t number)
{
	for (uint32_t low = 0, high = s->ledger_count; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		if (s->ledger[middle].number == number)
			return &s->ledger[middle];
		if (s->ledger[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int gather(struct sides *s, struct work *w, struct err *err)
{
	(void)err_set(err, ERR_SYSTEM, "no memory for the list of tenants");
	if (store_each(w->store, add_row, s, err) < 0)
		return -1;
	if (s->row_count)
		qsort(s->rows, s->row_count, sizeof(*s->rows), by_number);
	/* The ledger first: it waits for jobs that an earlier run of this program
	 * left in the supervisor's queue, and the list does not. */
	if (pages_ledger(&w->link, &s->ledger, &s->ledger_count, err) < 0 ||
	    pages_list(&w->link, &s->specs, &s->spec_count, err) < 0)
		return -1;
	return 0;
}

static int add_item(struct reconcile *r, uint32_t number, bool is_give_back, const char *site)
{
	struct reconcile_item *more = grown(r->items, r->count, sizeof(*more));

	if (!more)
		return -1;
	r->items = more;
	r->items[r->count] = (struct reconcile_item){ .number = number,
						      .is_give_back = is_give_back };
	memcpy(r->items[r->count++].site, site, SITE_MAX);
	return 0;
}

static int add_stranger(struct reconcile *r, uint32_t number, const char *site)
{
	struct stranger *more = grown(r->strangers, r->stranger_count, sizeof(*more));

	if (!more)
		return -1;
	r->strangers = more;
	r->strangers[r->stranger_count].number = number;
	memcpy(r->strangers[r->stranger_count++].site, site, SITE_MAX);
	return 0;
}

/* True if the root side has something else than the row says. */
static bool differs(const struct sides *s, const struct store_row *row)
{
	const struct wire_list_row *spec = live_find(s->specs, s->spec_count, row->number);

	switch ((enum tenant_state)row->state) {
	case TENANT_BUILDING:
	case TENANT_REMOVING:
		return true;
	case TENANT_FAILED:
		return !row->is_undone;
	case TENANT_LIVE:
	case TENANT_SUSPENDED:
		return row->is_pending || !spec || spec->revision != row->revision ||
		       (spec->is_suspended != 0) != row->is_suspended;
	case TENANT_STATES:
		break;
	}
	return false;
}

static int compare(struct reconcile *r, const struct sides *s)
{
	static const char nobody[SITE_MAX] = "";

	for (uint32_t i = 0; i < s->row_count; i++)
		if (differs(s, &s->rows[i]) && add_item(r, s->rows[i].number, false, nobody) < 0)
			return -1;
	for (uint32_t i = 0; i < s->ledger_count; i++) {
		const struct wire_ledger_row *l = &s->ledger[i];

		if (row_of(s, l->number))
			continue;
		if ((l->state == LEDGER_ISSUED && add_item(r, l->number, true, l->site) < 0) ||
		    (l->state == LEDGER_BUILT && add_stranger(r, l->number, l->site) < 0))
			return -1;
	}
	/* A spec outside the ledger should not be; all the more it is to be seen. */
	for (uint32_t i = 0; i < s->spec_count; i++)
		if (!row_of(s, s->specs[i].number) && !ledger_of(s, s->specs[i].number) &&
		    add_stranger(r, s->specs[i].number, nobody) < 0)
			return -1;
	return 0;
}

struct gone {
	const struct sides *sides;
	uint32_t *numbers;
	uint32_t count;
};

static int add_gone(const struct store_removed_row *row, void *ctx)
{
	struct gone *g = ctx;
	const struct wire_ledger_row *l = ledger_of(g->sides, row->number);
	uint32_t *more = NULL;

	if (l && l->is_home_kept)
		return 0;
	more = grown(g->numbers, g->count, sizeof(*more));
	if (!more)
		return -1;
	g->numbers = more;
	g->numbers[g->count++] = row->number;
	return 0;
}

/* Forgets removed tenants whose homes root no longer keeps. */
static int drop_gone(const struct sides *s, struct work *w, struct err *err)
{
	struct gone g = { .sides = s };
	int rc = store_each_removed(w->store, add_gone, &g, err);

	for (uint32_t i = 0; rc == 0 && i < g.count; i++)
		rc = store_drop_kept(w->store, g.numbers[i], KEPT_REMOVED, err);
	free(g.numbers);
	return rc;
}

static void free_sides(struct sides *s)
{
	free(s->rows);
	free(s->specs);
	free(s->ledger);
}

void reconcile_free(struct reconcile *r)
{
	free(r->items);
	free(r->strangers);
	*r = (struct reconcile){ 0 };
}

int reconcile_plan(struct reconcile *r, struct work *w, struct err *err)
{
	struct reconcile fresh = { 0 };
	struct sides s = { 0 };
	int rc = gather(&s, w, err);

	if (rc == 0 && compare(&fresh, &s) < 0)
		rc = err_set(err, ERR_SYSTEM, "no memory for the list of tenants");
	if (rc == 0)
		rc = drop_gone(&s, w, err);
	free_sides(&s);
	if (rc < 0) {
		reconcile_free(&fresh);
		return -1;
	}
	reconcile_free(r);
	*r = fresh;
	return 0;
}

static int give_back(const struct reconcile_item *item, struct work *w, struct err *err)
{
	struct tenant t = { .number = item->number };

	memcpy(t.site, item->site, sizeof(t.site));
	return work_give_back(w, item->number, &t, err);
}

static int carry_on(struct work *w, struct tenant *t, struct err *err)
{
	switch ((enum tenant_state)t->state) {
	case TENANT_BUILDING:
		return work_build(w, t, err);
	case TENANT_REMOVING:
		return work_remove(w, t, err);
	case TENANT_FAILED:
		return t->is_undone ? 0 : work_settle(w, t, err);
	case TENANT_LIVE:
	case TENANT_SUSPENDED:
		return work_settle(w, t, err);
	case TENANT_STATES:
		break;
	}
	return 0;
}

/* The disk, the database or the supervisor: the next tenant would fare alike. */
static bool is_common(const struct work *w, const struct err *err)
{
	return !link_is_open(&w->link) || err->code == ERR_DISK || err->code == ERR_BUSY;
}

int reconcile_step(struct reconcile *r, struct work *w, struct err *err)
{
	struct tenant t = { 0 };

	if (r->next >= r->count)
		return 0;
	const struct reconcile_item *item = &r->items[r->next++];
	int rc = store_find_number(w->store, item->number, &t, err);

	if (rc < 0 && err->code != ERR_UNKNOWN_SITE)
		return -1;
	fault_point("control.reconcile");
	/* The row decides, as it is now: a caller may have come in between. */
	if (rc == 0)
		rc = carry_on(w, &t, err);
	else
		rc = item->is_give_back ? give_back(item, w, err) : 0;
	if (rc == 0) {
		log_event(JOB_DONE, "what=reconcile number=%u tenant=%s", item->number,
			  t.site[0] ? t.site : item->site);
		return 1;
	}
	log_event(JOB_FAILED, "what=reconcile number=%u tenant=%s reason='%s'", item->number,
		  t.site[0] ? t.site : item->site, err->text);
	return is_common(w, err) ? -1 : 1;
}
