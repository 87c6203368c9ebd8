/* SPDX-License-Identifier: Apache-2.0 */
/* Answers out: JSON, a log as it grows, or descriptors. */
#include <stdlib.h>
#include <string.h>

#include "daemon/control/handover.h"
#include "daemon/control/http_inside.h"
#include "schema/errors.h"

#define STREAM_CHUNK (16 * 1024)

static enum MHD_Result send_answer(struct request *r)
{
	struct answer *a = &r->answer;

	if (a->fd_count > 0)
		return handover_answer(r->connection, a);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(a->body), a->body, MHD_RESPMEM_MUST_FREE);

	if (!response)
		return MHD_NO;
	a->body = NULL;		/* the response's now */
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (a->http_status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)a->http_status, response);

	MHD_destroy_response(response);
	return rc;
}

enum MHD_Result reply_refuse(struct request *r, const char *word, const struct err *err,
			     const char *field)
{
	envelope_failed(&r->answer, word, err, field);
	return send_answer(r);
}

/* Callers that ask for long lists and do not read them must not fill the memory. */
static void hold_answer(struct http *h, struct request *r)
{
	size_t size = strlen(r->answer.body);
	struct err err = { 0 };

	if (r->question.owner && h->held + size > HTTP_REPLIES_MAX) {
		free(r->answer.body);
		(void)err_set(&err, ERR_BUSY, "too many replies wait to be read");
		envelope_failed(&r->answer, r->question.route.row->word, &err, "");
		return;
	}
	r->held = size;
	h->held += size;
}

static void stream_sleep(void *arg)
{
	MHD_suspend_connection(arg);
}

static void stream_wake(void *arg)
{
	MHD_resume_connection(arg);
}

static ssize_t stream_take(void *arg, uint64_t position, char *out, size_t size)
{
	ssize_t n = log_stream_take(arg, out, size);

	(void)position;
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void stream_done(void *arg)
{
	log_stream_close(arg);
}

/* The answer is a log: chunks as they come. */
static enum MHD_Result send_log(struct http *h, struct request *r)
{
	struct log_stream_owner owner = { stream_sleep, stream_wake, r->connection };
	struct log_stream *stream = NULL;
	struct err err = { 0 };

	r->question.log.uid = http_peer_uid(r->connection);
	if (log_stream_start(h->run_dir, &r->question.log, http_connection_fd(r->connection),
			     &owner, &stream, &err) < 0)
		return reply_refuse(r, r->question.route.row->word, &err, "");
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_CHUNK, stream_take, stream, stream_done);

	if (!response) {
		log_stream_close(stream);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result rc = MHD_queue_response(r->connection, MHD_HTTP_OK, response);

	MHD_destroy_response(response);
	return rc;
}

enum MHD_Result reply_send(struct http *h, struct request *r)
{
	if (r->question.is_log)
		return send_log(h, r);
	hold_answer(h, r);
	return send_answer(r);
}
