/* SPDX-License-Identifier: Apache-2.0 */
/* Telling visitors that it takes too long. */
#include "pool/late.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pool/clock.h"
#include "pool/errlog.h"
#include "pool/filter.h"

#define ARRIVED "TENANTD_ARRIVED"
#define DRAIN_MS 1000
#define DAY_MS UINT64_C(86400000)

static const char page[] =
	"Status: 503 Service Unavailable\r\n"
	"Retry-After: 10\r\n"
	"Content-Type: text/html\r\n\r\n"
	"<!doctype html><title>503 Service Unavailable</title>"
	"<p>The site is too busy at the moment. Please try again in a few seconds.</p>\n";

/* nginx's seconds with milliseconds, "1700000000.123", as milliseconds. */
static uint64_t ms_of(const char *text)
{
	char *end = NULL;
	uint64_t ms = strtoull(text, &end, 10) * 1000;

	return *end == '.' ? ms + strtoull(end + 1, NULL, 10) : ms;
}

uint64_t late_waited(struct params *p)
{
	const char *text = params_get(p, ARRIVED);
	struct timespec now = { 0 };
	uint64_t waited = 0;

	if (!text)
		return 0;
	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail with this clock */
	waited = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 - ms_of(text);
	(void)params_set(p, ARRIVED, NULL);
	/* The clock was set meanwhile, or this is no time. */
	return waited < DAY_MS ? waited : 0;
}

bool late_refuse(struct front *f, struct answer *a)
{
	struct err err = { 0 };

	if (answer_begin(a, f->fd, f->id, &err) < 0)
		return false;
	(void)answer_write(a, page, sizeof(page) - 1);
	(void)answer_end(a);	/* who has gone does not hear it */
	return front_drain(f, DRAIN_MS);
}

/* False when the master wants the turnstile to end. */
static bool pass(int link, int fd, int timeout_ms)
{
	struct pollfd p[] = { { .fd = link }, { .fd = fd, .events = POLLIN } };

	return poll(p, 2, timeout_ms) < 0 || p[0].revents == 0;
}

static void turn_away(const struct runtime_pool *pool, int link, int fd, struct answer *answer)
{
	static struct front front;	/* large: its buffer */
	static struct params params;
	uint64_t limit = pool->spec->options.queue_timeout * 1000;
	uint64_t waited = 0;

	front_open(&front, fd, (uint32_t)pool->spec->options.max_children, DRAIN_MS);
	if (front_next(&front, &params) != FRONT_REQUEST)
		return;
	front.keep = false;
	waited = late_waited(&params);
	if (waited < limit && waited > 0)
		(void)pass(link, -1, (int)(limit - waited));
	board_waited(pool->board->all, waited < limit ? limit : waited);
	atomic_fetch_add(&pool->board->all->late, 1);
	(void)late_refuse(&front, answer);
}

void late_turnstile(const struct runtime_pool *pool, int link)
{
	static struct answer answer;
	struct err err = { 0 };

	(void)prctl(PR_SET_NAME, "php: turnstile");
	if (answer_init(&answer, &err) < 0 || filter_load(&err) < 0) {
		errlog_write(err.text);
		_exit(1);
	}
	while (pass(link, POOL_FD_LISTENER, -1)) {
		int fd = accept4(POOL_FD_LISTENER, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			(void)pass(link, -1, 50);	/* a worker took it, or it is passing */
			continue;
		}
		turn_away(pool, link, fd, &answer);
		(void)close(fd);
	}
	_exit(0);
}
