/* SPDX-License-Identifier: Apache-2.0 */
/* fpm_get_status(): the board as a script of the pool sees it.  What waits in the
 * listener's queue only the supervisor can count; it says so on the board, some moments old. */
#include "pool/sapi.h"

#include <string.h>

#include "pool/clock.h"

PHP_FUNCTION(fpm_get_status);

/* Another worker may be writing, or lying: the text ends where the board says. */
static void add_text(zval *row, const char *key, const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	add_assoc_stringl(row, key, n ? text : "-", n ? n : 1);
}

static void add_uri(zval *row, const char *uri, size_t size)
{
	const char *query = memchr(uri, '?', strnlen(uri, size));
	size_t path = query ? (size_t)(query - uri) : size;

	add_text(row, "request-uri", uri, path);
	add_assoc_stringl(row, "query-string", query ? query + 1 : "",
			  query ? strnlen(query + 1, size - path - 1) : 0);
}

static void add_process(zval *list, const struct score *s, uint64_t now)
{
	uint64_t since = atomic_load(&s->since);
	uint64_t age_s = clock_passed(now, atomic_load(&s->started)) / 1000;
	bool is_busy = score_is_busy(atomic_load(&s->turn));
	zval row;

	array_init(&row);
	add_assoc_long(&row, "pid", atomic_load(&s->pid));
	add_assoc_string(&row, "state", is_busy ? "Running" : "Idle");
	add_assoc_long(&row, "start-time", (zend_long)((uint64_t)time(NULL) - age_s));
	add_assoc_long(&row, "start-since", (zend_long)age_s);
	add_assoc_long(&row, "requests", (zend_long)atomic_load(&s->served));
	add_assoc_long(&row, "request-duration", (zend_long)clock_passed(now, since) * 1000);
	add_text(&row, "request-method", s->method, sizeof(s->method));
	add_uri(&row, s->uri, sizeof(s->uri));
	add_assoc_long(&row, "request-length", (zend_long)s->length);
	add_text(&row, "user", s->user, sizeof(s->user));
	add_text(&row, "script", s->script, sizeof(s->script));
	add_assoc_double(&row, "last-request-cpu",
			 is_busy ? 0 : (double)atomic_load(&s->cpu) / 100);
	add_assoc_long(&row, "last-request-memory",
		       is_busy ? 0 : (zend_long)atomic_load(&s->memory));
	add_next_index_zval(list, &row);
}

PHP_FUNCTION(fpm_get_status)
{
	const struct runtime_pool *pool = sapi_state.pool;
	uint64_t now = clock_ms();
	zend_long accepted = 0, idle = 0, active = 0, most = 0;
	zval processes;

	ZEND_PARSE_PARAMETERS_NONE();
	if (!pool)
		RETURN_FALSE;
	array_init(&processes);
	for (uint32_t i = 0; i < pool->board->slots; i++) {
		const struct score *s = &pool->board->slot[i];

		accepted += (zend_long)atomic_load(&s->requests);
		if (atomic_load(&s->pid) == 0)
			continue;
		*(score_is_busy(atomic_load(&s->turn)) ? &active : &idle) += 1;
		add_process(&processes, s, now);
	}
	most = (zend_long)atomic_load(&pool->board->all->max_active);
	const struct {
		const char *key;
		zend_long value;
	} numbers[] = {
		{ "start-time", (zend_long)pool->board->started },
		{ "start-since", (zend_long)((now - pool->board->started_ms) / 1000) },
		{ "accepted-conn", accepted },
		{ "listen-queue", (zend_long)atomic_load(&pool->board->all->queue.now) },
		{ "max-listen-queue", (zend_long)atomic_load(&pool->board->all->queue.most) },
		{ "listen-queue-len", (zend_long)pool->spec->options.listen_backlog },
		{ "idle-processes", idle },
		{ "active-processes", active },
		{ "total-processes", idle + active },
		{ "max-active-processes", most > active ? most : active },
		{ "max-children-reached",
		  (zend_long)atomic_load(&pool->board->all->max_children_reached) },
		{ "slow-requests", (zend_long)atomic_load(&pool->board->all->slow) },
	};

	array_init(return_value);
	add_assoc_string(return_value, "pool", pool->spec->site);
	add_assoc_string(return_value, "process-manager",
			 option_rows[OPT_pm].words[pool->spec->options.pm]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		add_assoc_long(return_value, numbers[i].key, numbers[i].value);
	add_assoc_zval(return_value, "procs", &processes);
}
