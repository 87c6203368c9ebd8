/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a CGI response (RFC 3875, 6.3) from the headers that a script set. */
#include "pool/sapi.h"

#include <http_status_codes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STATUS_LINE_MAX 1016	/* with "Status:" what PHP-FPM cuts a line to, 1023 */

static bool put(const char *text, size_t size)
{
	return answer_write(sapi_state.request->answer, text, size);
}

static bool is_header(const sapi_header_struct *h, const char *name)
{
	size_t size = strlen(name);

	return h->header_len > size && strncasecmp(h->header, name, size) == 0;
}

static const sapi_header_struct *find(sapi_headers_struct *headers, const char *name)
{
	zend_llist_position at;
	const sapi_header_struct *h = zend_llist_get_first_ex(&headers->headers, &at);

	while (h && !is_header(h, name))
		h = zend_llist_get_next_ex(&headers->headers, &at);
	return h;
}

static const char *reason(int code)
{
	for (const http_response_status_code_pair *p = http_status_map; p->code; p++)
		if (p->code == code)
			return p->str;
	return "";
}

/* A status line of the script's own ("HTTP/1.1 404 Gone fishing") comes before
 * a header "Status:", and that before the code alone.  Returns the code. */
static int put_status(sapi_headers_struct *headers)
{
	int code = SG(sapi_headers).http_response_code;
	const char *line = SG(sapi_headers).http_status_line;
	const char *space = line ? strchr(line, ' ') : NULL;
	char text[STATUS_LINE_MAX + 16];
	int size = 0;

	if (code == 200)
		return code;
	if (space && space - line >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		size = snprintf(text, sizeof(text), "Status:%.*s\r\n", STATUS_LINE_MAX, space);
		code = (int)strtol(space, NULL, 10);
	} else if (find(headers, "Status:")) {
		return code;
	} else {
		const char *why = reason(code);

		size = snprintf(text, sizeof(text), "Status: %d%s%s\r\n", code, *why ? " " : "",
				why);
	}
	(void)put(text, (size_t)size);
	return -code;
}

/* For the access log. */
static void note_header(void *element, void *arg)
{
	const sapi_header_struct *h = element;
	struct runtime_request *r = arg;
	size_t size = strlen(r->headers);

	if (size + h->header_len + 2 > r->headers_room)
		return;
	memcpy(r->headers + size, h->header, h->header_len);
	memcpy(r->headers + size + h->header_len, "\n", 2);
}

int sapi_headers_send(sapi_headers_struct *headers)
{
	zend_llist_position at;
	const sapi_header_struct *h = NULL;
	bool has_status = false;
	int code = 0;

	if (SG(request_info).no_headers || !sapi_state.request)
		return SAPI_HEADER_SENT_SUCCESSFULLY;
	if (sapi_state.request->headers)
		zend_llist_apply_with_argument(&headers->headers, note_header,
					       sapi_state.request);
	code = put_status(headers);
	if (code < 0) {
		has_status = true;
		code = -code;
	}
	for (h = zend_llist_get_first_ex(&headers->headers, &at); h;
	     h = zend_llist_get_next_ex(&headers->headers, &at)) {
		if (is_header(h, "Status:")) {
			if (has_status)
				continue;
			has_status = true;
		}
		/* An empty line would end the head. */
		if (h->header_len == 0 || (code == 304 && is_header(h, "Content-Type:")))
			continue;
		(void)put(h->header, h->header_len);
		(void)put("\r\n", 2);
	}
	(void)put("\r\n", 2);
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

void sapi_headers_note(struct runtime_request *r)
{
	r->memory = zend_memory_peak_usage(true);
	r->status = SG(sapi_headers).http_response_code ? SG(sapi_headers).http_response_code : 200;
}
