/* SPDX-License-Identifier: Apache-2.0 */
/* The shared board of a pool. */
#include "pool/scoreboard.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "pool/clock.h"

/* Of a size that nobody can change: the supervisor may rely on that. */
static int make_file(struct err *err)
{
	CLOSE_AT_EXIT int fd = memfd_create(BOARD_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(struct board)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(err, "make the scoreboard's memfd");
	return fd_take(&fd);
}

int scoreboard_make(uint32_t slots, struct scoreboard *out, struct err *err)
{
	CLOSE_AT_EXIT int fd = make_file(err);
	struct board *all = NULL;

	if (fd < 0)
		return -1;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (all == MAP_FAILED)
		return err_sys(err, "map the scoreboard");
	*out = (struct scoreboard){ .slots = slots < BOARD_ROWS ? slots : BOARD_ROWS,
				    .started = (uint64_t)time(NULL), .started_ms = clock_ms(),
				    .slot = all->row, .all = all, .fd = fd_take(&fd) };
	atomic_store(&all->started, out->started);
	atomic_store(&all->started_ms, out->started_ms);
	atomic_store(&all->last_word, BOARD_RUNS);
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

static void put(char *out, size_t size, const char *text)
{
	size_t n = text ? strnlen(text, size - 1) : 0;

	memcpy(out, text ? text : "", n);
	out[n] = '\0';
}

/* Monitors and command line clients leave REQUEST_URI out. */
static void put_uri(struct score *s, const struct params *p)
{
	const char *uri = params_get(p, "REQUEST_URI");
	const char *name = params_get(p, "SCRIPT_NAME");
	const char *query = params_get(p, "QUERY_STRING");

	if (!uri && name)
		(void)snprintf(s->uri, sizeof(s->uri), "%s%s%s", name,
			       query && *query ? "?" : "", query ? query : "");
	else
		put(s->uri, sizeof(s->uri), uri);
}

void score_request(struct score *s, const struct params *p)
{
	const char *length = params_get(p, "CONTENT_LENGTH");

	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->served, 1, memory_order_relaxed);
	s->length = 0;
	if (length)
		(void)str_number(length, UINT64_MAX, &s->length);	/* wrong: 0 */
	put(s->method, sizeof(s->method), params_get(p, "REQUEST_METHOD"));
	put(s->id, sizeof(s->id), params_get(p, "REQUEST_ID"));
	put(s->user, sizeof(s->user), params_get(p, "REMOTE_USER"));
	put_uri(s, p);
	put(s->script, sizeof(s->script), params_get(p, "SCRIPT_FILENAME"));
}

void score_took(struct score *s, uint64_t cpu_us, uint64_t took_us, uint64_t memory)
{
	uint64_t cpu = took_us ? cpu_us * 10000 / took_us : 0;

	/* What the worker did just before the request counts as the request's. */
	atomic_store_explicit(&s->cpu, cpu < 10000 ? cpu : 10000, memory_order_relaxed);
	atomic_store_explicit(&s->memory, memory, memory_order_relaxed);
}

void score_assign(struct score *s, uint64_t now)
{
	atomic_store(&s->turn, 1);
	atomic_store(&s->since, now);
	atomic_store(&s->started, now);
	atomic_store(&s->served, 0);
	score_took(s, 0, 0, 0);
	s->length = 0;
	s->method[0] = s->id[0] = s->user[0] = s->uri[0] = s->script[0] = '\0';
}

void score_release(struct score *s)
{
	atomic_store(&s->turn, 0);
	atomic_store(&s->pid, 0);
}

void board_waited(struct board *b, uint64_t ms)
{
	size_t i = 0;

	while (i < BOARD_WAITS - 1 && ms > board_wait_ms[i])
		i++;
	atomic_fetch_add_explicit(&b->waits[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->waited_ms, ms, memory_order_relaxed);
}
