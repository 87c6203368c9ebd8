/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_path and ping_path for who asks the pool's own socket, as monitors of PHP-FPM do.
 * nginx asks tenant-control instead, which answers for a full or cold pool, too.
 */
#include "pool/sapi.h"

#include <string.h>
#include <time.h>

#include "pool/clock.h"
#include "schema/pool_page.h"

static void add_header(const char *name, const char *value)
{
	char *line = NULL;
	size_t size = spprintf(&line, 0, "%s: %s", name, value);
	sapi_header_line header = { .line = line, .line_len = size };

	(void)sapi_header_op(SAPI_HEADER_REPLACE, &header);
	efree(line);
}

static void say(const char *type, const char *text, size_t size)
{
	SG(sapi_headers).http_response_code = 200;	/* no script has been found */
	add_header("Content-Type", type);
	add_header("Expires", "Thu, 01 Jan 1970 00:00:00 GMT");
	add_header("Cache-Control", "no-cache, no-store, must-revalidate, max-age=0");
	if (!SG(request_info).headers_only)
		PHPWRITE(text, size);
}

static void read_facts(const struct runtime_pool *pool, struct wire_board_row *rows,
		       struct pool_facts *out)
{
	const struct board *b = pool->board->all;
	uint32_t room = atomic_load(&b->queue.room);	/* 0: nobody has looked yet */
	uint64_t now = clock_ms();
	bool has_more = true;

	for (uint32_t after = 0; has_more; after = out->board.next) {
		out->board = (struct wire_board){
			.max_children = (uint32_t)pool->spec->options.max_children,
			.listen_queue = atomic_load(&b->queue.now),
			.max_listen_queue = atomic_load(&b->queue.most),
			.listen_queue_len = room ? room : (uint32_t)
					    pool->spec->options.listen_backlog,
			.memory_mapped = UINT64_MAX, .next = after,
		};
		has_more = false;
		board_take(b, pool->board->slots, after, now, &out->board, &has_more);
		for (uint32_t i = 0; i < out->board.row_count && out->row_count < BOARD_ROWS; i++)
			rows[out->row_count++] = out->board.row[i];
	}
	out->rows = rows;
	out->site = pool->spec->site;
	out->pm = option_rows[OPT_pm].words[pool->spec->options.pm];
	out->now = time(NULL);
}

/* PHP's memory: a client that leaves ends the request in the middle of this. */
static void write_status(const char *query)
{
	struct wire_board_row *rows = ecalloc(BOARD_ROWS, sizeof(*rows));
	struct pool_facts *facts = ecalloc(1, sizeof(*facts));
	struct text text = { 0 };
	bool is_full = false;
	enum page_format format = page_asked(query ? query : "", &is_full);

	read_facts(sapi_state.pool, rows, facts);
	page_write(facts, format, is_full, &text);
	char *page = estrndup(text.data ? text.data : "", text.size);
	size_t size = text.size;

	text_free(&text);
	say(page_content_type(format), page, size);
	efree(page);
	efree(facts);
	efree(rows);
}

bool sapi_page_write(const struct params *p)
{
	const struct options *o = &sapi_state.pool->spec->options;
	const char *name = params_get(p, "SCRIPT_NAME");
	const char *info = params_get(p, "PATH_INFO");

	/* Path info behind a page's name is an address of the site's own. */
	if (!name || !*name || (info && *info))
		return false;
	if (strcmp(name, o->ping_path) == 0)
		say("text/plain;charset=UTF-8", "pong", 4);
	else if (strcmp(name, o->status_path) == 0)
		write_status(params_get(p, "QUERY_STRING"));
	else
		return false;
	return true;
}
