/* SPDX-License-Identifier: Apache-2.0 */
/* GET /status/SITE?json&full and GET /ping/SITE. */
#include "daemon/control/status_server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schema/errors.h"
#include "schema/pool_page.h"
#include "schema/settings.h"
#include "schema/states.h"
#include "tenants/tenant.h"

#define CONNECTIONS 32
#define TIMEOUT_S 10
#define HEADERS_MAX (32 * 1024)
#define ROWS_MAX BOARD_ROWS

struct status_server {
	struct MHD_Daemon *daemon;
	struct store *store;
	struct live live;
	char run_dir[SETTING_TEXT_MAX];
};

int status_board(struct live *live, uint32_t number, struct wire_board *out,
		 struct wire_board_row **rows, uint32_t *row_count, struct err *err)
{
	struct wire_board page;
	bool has_more = true;

	*row_count = 0;
	*rows = calloc(ROWS_MAX, sizeof(**rows));
	if (!*rows)
		return err_sys(err, "memory for the workers of a pool");
	for (uint32_t after = 0; has_more; after = page.next) {
		if (live_board(live, number, after, &page, &has_more, err) < 0) {
			free(*rows);
			*rows = NULL;
			return -1;
		}
		if (after == 0)
			*out = page;
		has_more = has_more && page.next > after;
		for (uint32_t i = 0; i < page.row_count && *row_count < ROWS_MAX; i++)
			(*rows)[(*row_count)++] = page.row[i];
	}
	return 0;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type,
			     const struct text *text)
{
	struct MHD_Response *r = text->failed ? NULL : MHD_create_response_from_buffer(
		text->size, text->data ? text->data : (char *)"", MHD_RESPMEM_MUST_COPY);

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_EXPIRES,
				      "Thu, 01 Jan 1970 00:00:00 GMT");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL,
				      "no-cache, no-store, must-revalidate, max-age=0");
	enum MHD_Result rc = MHD_queue_response(c, status, r);

	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *words)
{
	struct text text = { 0 };

	text_add(&text, "%s", words);
	enum MHD_Result rc = reply(c, status, page_content_type(PAGE_PLAIN), &text);

	text_free(&text);
	return rc;
}

static enum page_format format_of(struct MHD_Connection *c, bool *is_full)
{
	const char *value = NULL;

	*is_full = MHD_lookup_connection_value_n(c, MHD_GET_ARGUMENT_KIND, "full", 4, &value,
						 NULL) == MHD_YES;
	for (enum page_format f = PAGE_JSON; f < PAGE_FORMATS; f++)
		if (MHD_lookup_connection_value_n(c, MHD_GET_ARGUMENT_KIND, page_words[f],
						  strlen(page_words[f]), &value, NULL) == MHD_YES)
			return f;
	return PAGE_PLAIN;
}

static int read_facts(struct status_server *s, const char *site, struct pool_facts *out,
		      struct err *err)
{
	struct overrides plan = { 0 };
	struct options options;
	struct tenant t;
	struct wire_board_row *rows = NULL;

	if (store_find(s->store, site, &t, err) < 0 ||
	    store_plan(s->store, t.plan, &plan, err) < 0 ||
	    overrides_resolve(&plan, &t.overrides, &options, err) < 0 ||
	    status_board(&s->live, t.number, &out->board, &rows, &out->row_count, err) < 0)
		return -1;
	out->rows = rows;
	out->site = site;
	out->pm = option_rows[OPT_pm].words[options.pm];
	out->now = time(NULL);
	return 0;
}

static enum MHD_Result serve_status(struct status_server *s, struct MHD_Connection *c,
				    const char *site)
{
	struct pool_facts facts = { 0 };
	struct text text = { 0 };
	struct err err = { 0 };
	bool is_full = false;
	enum page_format format = format_of(c, &is_full);

	if (read_facts(s, site, &facts, &err) < 0)
		return err.code == ERR_UNKNOWN_SITE ? say(c, MHD_HTTP_NOT_FOUND, "unknown\n") :
						      say(c, MHD_HTTP_SERVICE_UNAVAILABLE,
							  "the supervisor is away\n");
	page_write(&facts, format, is_full, &text);
	enum MHD_Result rc = reply(c, MHD_HTTP_OK, page_content_type(format), &text);

	text_free(&text);
	free((void *)facts.rows);
	return rc;
}

static enum MHD_Result serve_ping(struct status_server *s, struct MHD_Connection *c,
				  const char *site)
{
	struct wire_status status = { 0 };
	struct err err = { 0 };
	struct tenant t;

	if (store_find(s->store, site, &t, &err) < 0 ||
	    live_status(&s->live, t.number, &status, &err) < 0 ||
	    status.pool_state == POOL_BACKOFF)
		return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "down");
	return say(c, MHD_HTTP_OK, "pong");
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **state)
{
	struct status_server *s = ctx;

	(void)version;
	(void)data;
	if (!*state) {		/* its headers only */
		*state = s;
		return MHD_YES;
	}
	if (*data_size > 0) {	/* nobody wants a body */
		*data_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (strncmp(path, "/status/", 8) == 0)
		return serve_status(s, c, path + 8);
	if (strncmp(path, "/ping/", 6) == 0)
		return serve_ping(s, c, path + 6);
	return say(c, MHD_HTTP_NOT_FOUND, "unknown\n");
}

int status_server_start(int listener, const char *run_dir, struct store *store,
			struct status_server **out, struct err *err)
{
	struct status_server *s = calloc(1, sizeof(*s));

	if (!s || str_copy(s->run_dir, sizeof(s->run_dir), run_dir) < 0) {
		free(s);
		(void)err_sys(err, "memory for the status pages");	/* before errno changes */
		store_close(store);
		(void)close(listener);
		return -1;
	}
	s->store = store;
	live_init(&s->live, s->run_dir);
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, s,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX, MHD_OPTION_END);
	if (!s->daemon) {
		store_close(store);
		free(s);
		return err_set(err, ERR_FAILED, "the server of the status pages did not start");
	}
	*out = s;
	return 0;
}

void status_server_stop(struct status_server *s)
{
	if (!s)
		return;
	MHD_stop_daemon(s->daemon);
	live_done(&s->live);
	store_close(s->store);
	free(s);
}
