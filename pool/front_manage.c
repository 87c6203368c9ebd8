/* SPDX-License-Identifier: Apache-2.0 */
/* Management records (FastCGI specification, 4), and the ends of requests that PHP does not see. */
#include "pool/front_inside.h"

#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pool/pairs.h"

static bool send_record(struct front *f, uint8_t type, uint16_t id, const void *body, size_t size)
{
	unsigned char out[FCGI_HEADER_LEN + 256] = {
		FCGI_VERSION_1, type, (unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(size >> 8), (unsigned char)size,
	};

	if (size > sizeof(out) - FCGI_HEADER_LEN)
		return false;
	memcpy(out + FCGI_HEADER_LEN, body, size);
	size += FCGI_HEADER_LEN;
	/* Whoever does not read these few bytes is not waited for. */
	return send(f->fd, out, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

bool front_send_end(struct front *f, uint16_t id, uint8_t status)
{
	FCGI_EndRequestBody body = { .protocolStatus = status };

	return send_record(f, FCGI_END_REQUEST, id, &body, sizeof(body));
}

static size_t add_value(unsigned char *at, const char *name, uint32_t number)
{
	size_t size = strlen(name);
	int digits = snprintf((char *)at + 2 + size, 12, "%u", number);

	at[0] = (unsigned char)size;
	at[1] = (unsigned char)digits;
	memcpy(at + 2, name, size);
	return 2 + size + (size_t)digits;
}

static bool answer_values(struct front *f, uint32_t content, uint64_t deadline)
{
	struct {
		const char *name;
		uint32_t value;
		bool is_asked;
	} known[] = {
		{ FCGI_MAX_CONNS, f->capacity, false },
		{ FCGI_MAX_REQS, f->capacity, false },
		{ FCGI_MPXS_CONNS, 0, false },
	};
	struct pairs decoder = { 0 };
	struct params asked = { 0 };
	unsigned char body[128];
	size_t size = 0;
	bool is_ok = true;

	while (content > 0 && is_ok) {
		const unsigned char *data = NULL;
		size_t n = front_chunk(f, content, &data, deadline);

		is_ok = n > 0;
		content -= (uint32_t)n;
		/* Pair by pair, so that the number of names has no limit but the record's. */
		for (size_t at = 0; at < n && is_ok; at++) {
			is_ok = pairs_feed(&decoder, &asked, data + at, 1) == 0;
			if (!is_ok || !pairs_are_whole(&decoder))
				continue;
			for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
				known[i].is_asked |= params_get(&asked, known[i].name) != NULL;
			params_clear(&asked);
		}
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].is_asked)
			size += add_value(body + size, known[i].name, known[i].value);
	params_free(&asked);
	return is_ok && send_record(f, FCGI_GET_VALUES_RESULT, 0, body, size);
}

bool front_answer_management(struct front *f, const struct front_record *r, uint64_t deadline)
{
	FCGI_UnknownTypeBody body = { .type = r->type };

	if (r->type == FCGI_GET_VALUES)
		return answer_values(f, r->content, deadline) &&
		       front_skip(f, r->padding, deadline);
	return front_skip(f, r->content + r->padding, deadline) &&
	       send_record(f, FCGI_UNKNOWN_TYPE, 0, &body, sizeof(body));
}
