/* SPDX-License-Identifier: Apache-2.0 */
/* The shared lines of the workers. */
#include "pool/scoreboard.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pool/clock.h"

int scoreboard_make(uint32_t slots, struct scoreboard *out, struct err *err)
{
	void *lines = mmap(NULL, slots * sizeof(struct score), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (lines == MAP_FAILED)
		return err_sys(err, "map a scoreboard of %u lines", slots);
	*out = (struct scoreboard){ .slots = slots, .started = (uint64_t)time(NULL),
				    .started_ms = clock_ms(), .slot = lines };
	return 0;
}

/* Relaxed order is enough: the master acts on what it sees on its next tick. */
static void turn(struct score *s, uint64_t now)
{
	atomic_store_explicit(&s->since, now, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->turn, 1, memory_order_release);
}

void score_begin(struct score *s, uint64_t now)
{
	if (!score_is_busy(atomic_load_explicit(&s->turn, memory_order_relaxed)))
		turn(s, now);
}

void score_end(struct score *s, uint64_t now)
{
	if (score_is_busy(atomic_load_explicit(&s->turn, memory_order_relaxed)))
		turn(s, now);
}

void score_assign(struct score *s, uint64_t now)
{
	atomic_store(&s->turn, 1);
	atomic_store(&s->since, now);
}

void score_release(struct score *s)
{
	atomic_store(&s->turn, 0);
	atomic_store(&s->pid, 0);
}
