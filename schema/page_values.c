/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the status page: PHP-FPM's fields in its order, then ours. */
#include "schema/page_values.h"

#include <string.h>

void page_pool_values(const struct pool_facts *f, struct page_value out[PAGE_POOL_VALUES])
{
	const struct wire_board *b = &f->board;
	const struct page_value values[PAGE_POOL_VALUES] = {
		{ "pool", PAGE_TEXT, .text = f->site },
		{ "process manager", PAGE_TEXT, .text = f->pm },
		{ "start time", PAGE_TIME, .number = (uint64_t)(b->started ? b->started : f->now) },
		{ "start since", PAGE_NUMBER, .number = b->age_ms / 1000,
		  .metric = "phpfpm_start_since", .type = "counter",
		  .help = "The number of seconds since FPM has started." },
		{ "accepted conn", PAGE_NUMBER, .number = b->accepted,
		  .metric = "phpfpm_accepted_connections", .type = "counter",
		  .help = "The number of requests accepted by the pool." },
		{ "listen queue", PAGE_NUMBER, .number = b->listen_queue,
		  .metric = "phpfpm_listen_queue", .type = "gauge",
		  .help = "The number of requests in the queue of pending connections." },
		{ "max listen queue", PAGE_NUMBER, .number = b->max_listen_queue,
		  .metric = "phpfpm_max_listen_queue", .type = "counter",
		  .help = "The maximum number of requests in the queue of pending connections "
			  "since FPM has started." },
		{ "listen queue len", PAGE_NUMBER, .number = b->listen_queue_len,
		  .metric = "phpfpm_listen_queue_length", .type = "gauge",
		  .help = "The size of the socket queue of pending connections.",
		  .type_first = true },
		{ "idle processes", PAGE_NUMBER, .number = b->idle,
		  .metric = "phpfpm_idle_processes", .type = "gauge",
		  .help = "The number of idle processes." },
		{ "active processes", PAGE_NUMBER, .number = b->active,
		  .metric = "phpfpm_active_processes", .type = "gauge",
		  .help = "The number of active processes." },
		{ "total processes", PAGE_NUMBER, .number = (uint64_t)b->idle + b->active,
		  .metric = "phpfpm_total_processes", .type = "gauge",
		  .help = "The number of idle + active processes." },
		{ "max active processes", PAGE_NUMBER, .number = b->max_active,
		  .metric = "phpfpm_max_active_processes", .type = "counter",
		  .help = "The maximum number of active processes since FPM has started." },
		{ "max children reached", PAGE_NUMBER, .number = b->max_children_reached,
		  .metric = "phpfpm_max_children_reached", .type = "counter",
		  .help = "The number of times, the process limit has been reached, when pm tries "
			  "to start more children (works only for pm 'dynamic' and "
			  "'ondemand')." },
		{ "slow requests", PAGE_NUMBER, .number = b->slow, .metric = "phpfpm_slow_requests",
		  .type = "counter", .help = "The number of requests that exceeded your "
					     "'request_slowlog_timeout' value." },
		/* PAGE_FPM_VALUES end here. */
		{ "max children", PAGE_NUMBER, .number = b->max_children,
		  .metric = "tenantd_max_children", .type = "gauge",
		  .help = "The most workers that the pool may have." },
		{ "late requests", PAGE_NUMBER, .number = b->late,
		  .metric = "tenantd_late_requests", .type = "counter",
		  .help = "Requests that had waited too long and were not run." },
		{ "waited ms", PAGE_NUMBER, .number = b->waited_ms },
		{ "memory mapped", PAGE_NUMBER, .number = b->memory_mapped,
		  .metric = "tenantd_memory_mapped_bytes", .type = "gauge",
		  .help = "Memory of the pool's processes, each shared page counted once." },
	};

	memcpy(out, values, sizeof(values));
}

void page_row_values(const struct wire_board_row *r, int64_t now,
		     struct page_value out[PAGE_ROW_VALUES])
{
	const struct page_value values[PAGE_ROW_VALUES] = {
		{ "pid", PAGE_NUMBER, .number = r->pid > 0 ? (uint64_t)r->pid : 0 },
		{ "state", PAGE_TEXT, .text = r->is_busy ? "Running" : "Idle" },
		{ "start time", PAGE_TIME,
		  .number = (uint64_t)(now - (int64_t)(r->age_ms / 1000)) },
		{ "start since", PAGE_NUMBER, .number = r->age_ms / 1000 },
		{ "requests", PAGE_NUMBER, .number = r->requests },
		{ "request duration", PAGE_NUMBER, .number = r->turn_ms * 1000 },
		{ "request method", PAGE_TEXT, .text = r->method[0] ? r->method : "-" },
		{ "request uri", PAGE_TEXT, .text = r->uri[0] ? r->uri : "-" },
		{ "content length", PAGE_NUMBER, .number = r->length },
		{ "user", PAGE_TEXT, .text = r->user[0] ? r->user : "-" },
		{ "script", PAGE_TEXT, .text = r->script[0] ? r->script : "-" },
		{ "last request cpu", PAGE_REAL, .real = r->is_busy ? 0 : (double)r->cpu / 100 },
		{ "last request memory", PAGE_NUMBER, .number = r->is_busy ? 0 : r->memory },
	};

	memcpy(out, values, sizeof(values));
}
