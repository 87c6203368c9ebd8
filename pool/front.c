/* SPDX-License-Identifier: Apache-2.0 */
/* FastCGI records as a client sends them (FastCGI specification, 3.3 to 5).
 * Every wait has an end; every length is bounded before it is used. */
#include "pool/front.h"

#include <errno.h>
#include <fastcgi.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "pool/clock.h"
#include "pool/front_inside.h"
#include "pool/pairs.h"

void front_open(struct front *f, int fd, uint32_t capacity, uint64_t body_wait_ms)
{
	f->fd = fd;
	f->capacity = capacity;
	f->body_wait_ms = body_wait_ms;
	f->id = 0;
	f->keep = f->body_ended = f->failed = false;
	f->content = f->padding = 0;
	f->at = f->end = 0;
}

static ssize_t receive(struct front *f, void *data, size_t size, uint64_t deadline)
{
	uint64_t until = 0;

	for (;;) {
		ssize_t n = recv(f->fd, data, size, MSG_DONTWAIT);
		uint64_t now = 0;
		struct pollfd wait = { .fd = f->fd, .events = POLLIN };

		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		now = clock_ms();
		if (until == 0)
			until = now + f->quiet_ms < deadline ? now + f->quiet_ms : deadline;
		if (now >= until)
			return -1;
		(void)poll(&wait, 1, (int)(until - now));	/* recv tells what came */
	}
}

/* Has at least NEED bytes in the buffer, NEED being small. */
static bool fill(struct front *f, size_t need, uint64_t deadline)
{
	if (f->end - f->at >= need)
		return true;
	memmove(f->buffer, f->buffer + f->at, f->end - f->at);
	f->end -= f->at;
	f->at = 0;
	while (f->end < need) {
		ssize_t n = receive(f, f->buffer + f->end, sizeof(f->buffer) - f->end, deadline);

		if (n <= 0)
			return false;
		f->end += (size_t)n;
	}
	return true;
}

static bool read_header(struct front *f, struct front_record *out, uint64_t deadline)
{
	const FCGI_Header *h = NULL;

	if (!fill(f, FCGI_HEADER_LEN, deadline))
		return false;
	h = (const FCGI_Header *)(f->buffer + f->at);
	if (h->version != FCGI_VERSION_1)
		return false;
	out->type = h->type;
	out->id = (uint16_t)(h->requestIdB1 << 8 | h->requestIdB0);
	out->content = (uint32_t)(h->contentLengthB1 << 8 | h->contentLengthB0);
	out->padding = h->paddingLength;
	f->at += FCGI_HEADER_LEN;
	return true;
}

size_t front_chunk(struct front *f, size_t size, const unsigned char **out, uint64_t deadline)
{
	size_t n = 0;

	if (!fill(f, 1, deadline))
		return 0;
	n = f->end - f->at < size ? f->end - f->at : size;
	*out = f->buffer + f->at;
	f->at += n;
	return n;
}

bool front_skip(struct front *f, size_t size, uint64_t deadline)
{
	const unsigned char *unused = NULL;

	while (size > 0) {
		size_t n = front_chunk(f, size, &unused, deadline);

		if (n == 0)
			return false;
		size -= n;
	}
	return true;
}

/* ---- the head of a request ---- */

static bool begin(struct front *f, const struct front_record *r, uint64_t deadline)
{
	FCGI_BeginRequestBody body;

	if (f->id != 0 && r->id != f->id)
		return front_skip(f, r->content + r->padding, deadline) &&
		       front_send_end(f, r->id, FCGI_CANT_MPX_CONN);
	if (f->id != 0 || r->content != sizeof(body) || !fill(f, sizeof(body), deadline))
		return false;
	memcpy(&body, f->buffer + f->at, sizeof(body));
	f->at += sizeof(body);
	if (!front_skip(f, r->padding, deadline))
		return false;
	f->keep = body.flags & FCGI_KEEP_CONN;
	if (body.roleB1 != 0 || body.roleB0 < FCGI_RESPONDER || body.roleB0 > FCGI_FILTER)
		return front_send_end(f, r->id, FCGI_UNKNOWN_ROLE) && f->keep;
	f->role = body.roleB0;
	f->id = r->id;
	return true;
}

static bool read_params(struct front *f, const struct front_record *r, struct pairs *decoder,
			struct params *out, uint64_t deadline)
{
	uint32_t left = r->content;

	while (left > 0) {
		const unsigned char *data = NULL;
		size_t n = front_chunk(f, left, &data, deadline);

		if (n == 0 || pairs_feed(decoder, out, data, n) < 0)
			return false;
		left -= (uint32_t)n;
	}
	return front_skip(f, r->padding, deadline);
}

/* A record between requests or in a head that does not belong to it. */
static bool pass_record(struct front *f, const struct front_record *r, uint64_t deadline)
{
	/* Clients that give a question an id get their answer from PHP-FPM, too. */
	if (r->id == 0 || r->type == FCGI_GET_VALUES)
		return front_answer_management(f, r, deadline);
	if (r->type == FCGI_BEGIN_REQUEST)
		return begin(f, r, deadline);
	if (r->type == FCGI_ABORT_REQUEST && r->id == f->id) {
		f->id = 0;
		return front_skip(f, r->content + r->padding, deadline) &&
		       front_send_end(f, r->id, FCGI_REQUEST_COMPLETE) && f->keep;
	}
	if (r->type == 0 || r->type > FCGI_DATA || r->id == f->id)
		return false;
	/* Of a request that we ended or never took (3.3: ignore it). */
	return front_skip(f, r->content + r->padding, deadline);
}

enum front_next front_next(struct front *f, struct params *out)
{
	uint64_t deadline = clock_ms() + FRONT_HEAD_MS;
	struct pairs decoder = { 0 };
	struct front_record r;

	params_clear(out);
	f->id = 0;
	f->quiet_ms = FRONT_QUIET_MS;
	f->budget = FRONT_HEAD_BYTES;
	f->body_ended = false;
	f->content = f->padding = 0;
	while (read_header(f, &r, deadline)) {
		uint32_t size = FCGI_HEADER_LEN + r.content + r.padding;
		uint16_t running = f->id;

		if (size > f->budget || clock_ms() >= deadline)
			break;
		f->budget -= size;
		if (running == 0 || r.id != running || r.type != FCGI_PARAMS) {
			if (!pass_record(f, &r, deadline))
				break;
			if (f->id != running) {
				/* Begun, or aborted: nothing of an earlier head counts. */
				params_clear(out);
				decoder = (struct pairs){ 0 };
			}
			continue;
		}
		if (!read_params(f, &r, &decoder, out, deadline))
			break;
		if (r.content > 0)
			continue;
		if (!pairs_are_whole(&decoder))
			break;
		f->quiet_ms = f->body_wait_ms;
		f->body_ended = f->role == FCGI_AUTHORIZER;	/* it has none (6.3) */
		return FRONT_REQUEST;
	}
	f->failed = true;
	return f->budget == FRONT_HEAD_BYTES ? FRONT_CLOSED : FRONT_REFUSED;
}

/* ---- the body ---- */

/* Reads headers until the body goes on or ends.  False if it cannot go on. */
static bool next_record(struct front *f, uint64_t deadline)
{
	struct front_record r;

	if (!front_skip(f, f->padding, deadline))
		return false;
	f->padding = 0;
	while (read_header(f, &r, deadline)) {
		if (r.id == f->id && r.type == FCGI_STDIN) {
			f->content = r.content;
			f->padding = r.padding;
			f->body_ended = r.content == 0;
			return !f->body_ended || front_skip(f, r.padding, deadline);
		}
		if (r.id == f->id && r.type != FCGI_DATA && r.type != FCGI_GET_VALUES)
			return false;	/* the web server's abort is the common case */
		if (r.type == FCGI_DATA ? !front_skip(f, r.content + r.padding, deadline)
					: !pass_record(f, &r, deadline))
			return false;
	}
	return false;
}

size_t front_read(struct front *f, void *data, size_t size)
{
	uint64_t deadline = 0;
	ssize_t n = 0;

	if (f->failed || f->body_ended || size == 0)
		return 0;
	deadline = clock_ms() + f->quiet_ms;
	while (f->content == 0) {
		if (!next_record(f, deadline)) {
			f->failed = true;
			return 0;
		}
		if (f->body_ended)
			return 0;
	}
	if (size > f->content)
		size = f->content;
	if (f->at < f->end) {
		n = (ssize_t)(f->end - f->at < size ? f->end - f->at : size);
		memcpy(data, f->buffer + f->at, (size_t)n);
		f->at += (size_t)n;
	} else if (size < FRONT_BUFFER / 2) {
		if (fill(f, 1, deadline))
			return front_read(f, data, size);
	} else {
		n = receive(f, data, size, deadline);	/* large: not through the buffer */
	}
	if (n <= 0) {
		f->failed = true;
		return 0;
	}
	f->content -= (uint32_t)n;
	return (size_t)n;
}

bool front_drain(struct front *f, uint64_t limit_ms)
{
	char waste[FRONT_BUFFER];
	uint64_t deadline = clock_ms() + limit_ms;

	f->quiet_ms = limit_ms;
	if (!f->keep && !f->body_ended && !front_has_more(f))
		(void)shutdown(f->fd, SHUT_WR);	/* whoever reads to the end sees it now */
	while (front_read(f, waste, sizeof(waste)) > 0)
		if (clock_ms() >= deadline)
			break;
	return f->body_ended && !f->failed && f->keep;
}

bool front_has_more(const struct front *f)
{
	return f->at < f->end;
}
