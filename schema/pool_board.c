/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of the histogram of waiting times, and reading a board. */
#include "schema/pool_board.h"

#include <string.h>

#include "schema/wire.h"

const uint32_t board_wait_ms[BOARD_WAITS - 1] = {
	1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000,
};

static void copy_text(char *out, const char *in, size_t size)
{
	memcpy(out, in, size);
	out[size - 1] = '\0';
}

static uint64_t passed(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void take_row(const struct score *s, uint64_t now, struct wire_board_row *out)
{
	*out = (struct wire_board_row){
		.pid = atomic_load(&s->pid), .is_busy = atomic_load(&s->turn) & 1,
		.age_ms = passed(now, atomic_load(&s->started)),
		.turn_ms = passed(now, atomic_load(&s->since)),
		.requests = atomic_load(&s->served), .cpu = atomic_load(&s->cpu),
		.memory = atomic_load(&s->memory), .length = s->length,
	};
	copy_text(out->method, s->method, sizeof(out->method));
	copy_text(out->user, s->user, sizeof(out->user));
	copy_text(out->uri, s->uri, sizeof(out->uri));
	copy_text(out->script, s->script, sizeof(out->script));
}

static void take_rows(const struct board *b, uint32_t slots, uint32_t after, uint64_t now,
		      struct wire_board *out, bool *out_more)
{
	for (uint32_t i = 0; i < slots; i++) {
		const struct score *s = &b->row[i];

		out->accepted += atomic_load(&s->requests);
		if (atomic_load(&s->pid) == 0)
			continue;
		*(atomic_load(&s->turn) & 1 ? &out->active : &out->idle) += 1;
		if (i < after)
			continue;
		if (out->row_count == WIRE_BOARD_ROWS) {
			*out_more = true;
			continue;
		}
		take_row(s, now, &out->row[out->row_count++]);
		out->next = i + 1;
	}
}

void board_take(const struct board *b, uint32_t slots, uint32_t after, uint64_t now,
		struct wire_board *out, bool *out_more)
{
	out->started = (int64_t)atomic_load(&b->started);
	out->age_ms = passed(now, atomic_load(&b->started_ms));
	out->max_active = atomic_load(&b->max_active);
	out->max_children_reached = atomic_load(&b->max_children_reached);
	out->slow = atomic_load(&b->slow);
	out->late = atomic_load(&b->late);
	out->waited_ms = atomic_load(&b->waited_ms);
	for (size_t i = 0; i < BOARD_WAITS; i++)
		out->waits[i] = atomic_load(&b->waits[i]);
	take_rows(b, slots, after, now, out, out_more);
	if (out->max_active < out->active)
		out->max_active = out->active;
}
