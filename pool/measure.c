/* SPDX-License-Identifier: Apache-2.0 */
/* Times, memory and the access log of requests. */
#include "pool/measure.h"

#include <sys/resource.h>
#include <time.h>

#include "pool/access_log.h"
#include "pool/late.h"

#define HEADERS_ROOM 8192

struct moment {
	uint64_t us, user_us, system_us;
};

static uint64_t us_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);		/* cannot fail with these clocks */
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Only the access log tells a script's own time from the kernel's: for all else the
 * sum will do, in half the time. */
static struct moment now(const struct runtime_pool *pool)
{
	struct rusage used;

	if (!pool->spec->options.access_log)
		return (struct moment){ .us = now_us(CLOCK_MONOTONIC),
					.user_us = now_us(CLOCK_PROCESS_CPUTIME_ID) };
	(void)getrusage(RUSAGE_SELF, &used);		/* cannot fail */
	return (struct moment){ now_us(CLOCK_MONOTONIC), us_of(&used.ru_utime),
				us_of(&used.ru_stime) };
}

/* Its CPU time begins where the request before ended: since then the worker has
 * waited, and accepted this one.  That saves a system call. */
static struct moment next(const struct runtime_pool *pool, const struct moment *last)
{
	return last->us ? (struct moment){ now_us(CLOCK_MONOTONIC), last->user_us,
					   last->system_us } : now(pool);
}

static void log_access(const struct runtime_pool *pool, const struct runtime_request *r,
		       const struct moment *from, const struct moment *to)
{
	const struct access_facts facts = {
		.params = r->params, .headers = r->headers, .status = r->status,
		.took_us = to->us - from->us, .user_us = to->user_us - from->user_us,
		.system_us = to->system_us - from->system_us, .memory = r->memory,
	};

	access_log_write(pool->spec, &facts);
}

bool measure_serve(const struct runtime_pool *pool, struct score *score,
		   struct runtime_request *r, bool *out_ran)
{
	static char headers[HEADERS_ROOM];
	static struct moment last;
	uint64_t limit = pool->spec->options.queue_timeout * 1000;
	uint64_t waited = late_waited(r->params);
	struct moment from = next(pool, &last), to;
	bool is_fit = true;

	board_waited(pool->board->all, waited);
	*out_ran = limit == 0 || waited <= limit;
	if (!*out_ran) {
		atomic_fetch_add(&pool->board->all->late, 1);
		r->front->keep = late_refuse(r->front, r->answer);
		r->status = 503;
		log_access(pool, r, &from, &from);
		return true;
	}
	if (access_log_wants_headers(&pool->spec->options)) {
		headers[0] = '\0';
		r->headers = headers;
		r->headers_room = sizeof(headers);
	}
	score_request(score, r->params);
	is_fit = runtime_serve(r);
	to = last = now(pool);
	score_took(score, to.user_us + to.system_us - from.user_us - from.system_us,
		   to.us - from.us, r->memory);
	log_access(pool, r, &from, &to);
	return is_fit;
}
