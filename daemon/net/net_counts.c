/* SPDX-License-Identifier: Apache-2.0 */
/* Three sets become one row per tenant. */
#include "daemon/net/net_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/net/net_rules.h"
#include "schema/errors.h"

struct gather {
	const struct net_range *range;
	struct net_counts *rows;
	size_t count, room;
	bool has_failed;
};

/* A row of its own for each element; merge() sums those of a tenant up. */
static struct net_counts *add(struct gather *g, const char *value)
{
	uint32_t address = 0;

	if (net_address_parse(value, &address) < 0 || net_number(g->range, address) == 0)
		return NULL;	/* of another net_range */
	if (g->count == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct net_counts *rows = realloc(g->rows, room * sizeof(*rows));

		if (!rows) {
			g->has_failed = true;
			return NULL;
		}
		g->rows = rows;
		g->room = room;
	}
	g->rows[g->count] = (struct net_counts){ .number = net_number(g->range, address) };
	return &g->rows[g->count++];
}

static void on_sent(const char *value, uint64_t packets, uint64_t bytes, void *arg)
{
	struct net_counts *row = add(arg, value);

	if (row) {
		row->sent_packets = packets;
		row->sent_bytes = bytes;
	}
}

static void on_received(const char *value, uint64_t packets, uint64_t bytes, void *arg)
{
	struct net_counts *row = add(arg, value);

	if (row) {
		row->received_packets = packets;
		row->received_bytes = bytes;
	}
}

static void on_refused(const char *value, uint64_t packets, uint64_t bytes, void *arg)
{
	struct net_counts *row = add(arg, value);

	(void)bytes;
	if (row)
		row->refused_packets = packets;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct net_counts *)a)->number;
	uint32_t y = ((const struct net_counts *)b)->number;

	return x < y ? -1 : x > y;
}

static void merge(struct gather *g)
{
	size_t n = 0;

	if (g->count > 0)
		qsort(g->rows, g->count, sizeof(*g->rows), by_number);
	for (size_t i = 0; i < g->count; i++) {
		const struct net_counts row = g->rows[i];

		if (n == 0 || g->rows[n - 1].number != row.number) {
			g->rows[n++] = row;
			continue;
		}
		g->rows[n - 1].sent_bytes += row.sent_bytes;
		g->rows[n - 1].sent_packets += row.sent_packets;
		g->rows[n - 1].received_bytes += row.received_bytes;
		g->rows[n - 1].received_packets += row.received_packets;
		g->rows[n - 1].refused_packets += row.refused_packets;
	}
	g->count = n;
}

int net_counter_read(struct net_counter *c, struct net_table *t, const struct net_range *range,
		     void (*each)(const struct net_counts *counts, void *arg), void *arg,
		     struct err *err)
{
	struct gather g = { .range = range };

	if (net_table_each(t, NET_SET_SENT, on_sent, &g, err) < 0 ||
	    net_table_each(t, NET_SET_RECEIVED, on_received, &g, err) < 0 ||
	    net_table_each(t, NET_SET_REFUSED, on_refused, &g, err) < 0) {
		free(g.rows);
		return -1;
	}
	if (g.has_failed) {
		free(g.rows);
		return err_set(err, ERR_EXHAUSTED, "no memory for what was counted");
	}
	merge(&g);
	for (size_t i = 0, k = 0; i < g.count; i++) {
		while (k < c->count && c->rows[k].number < g.rows[i].number)
			k++;
		if (k == c->count || memcmp(&c->rows[k], &g.rows[i], sizeof(g.rows[i])) != 0)
			each(&g.rows[i], arg);
	}
	free(c->rows);
	*c = (struct net_counter){ .rows = g.rows, .count = g.count };
	return 0;
}

void net_counter_free(struct net_counter *c)
{
	free(c->rows);
	*c = (struct net_counter){ 0 };
}
