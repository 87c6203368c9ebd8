/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a message. */
#include "daemon/mail/mail_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/mail/mail_fields.h"
#include "schema/errors.h"

#define TEXTS_MAX (MAIL_ADDRESS_MAX * (MAIL_RECIPIENTS_MAX + 1))
#define HEADERS_START 4096

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "no memory for the message");
}

static int no_protocol(const char *what, struct err *err)
{
	return err_set(err, ERR_BAD_RECORD, "%s is not as schema/mail_wire.def says", what);
}

static int check_head(struct mail_reader *r, struct err *err)
{
	const struct mail_head *h = &r->head;

	if (h->magic != MAIL_MAGIC || h->version != MAIL_VERSION || h->reserved != 0 ||
	    (h->kind != MAIL_KIND_SEND && h->kind != MAIL_KIND_COUNT) || h->reads_headers > 1 ||
	    h->sender_size > MAIL_ADDRESS_MAX ||
	    h->recipients_size > MAIL_ADDRESS_MAX * MAIL_RECIPIENTS_MAX)
		return no_protocol("the head", err);
	if (h->kind == MAIL_KIND_COUNT) {
		r->part = MAIL_PART_END;
		return 0;
	}
	r->texts = malloc(TEXTS_MAX);
	if (!r->texts)
		return no_memory(err);
	r->part = MAIL_PART_TEXTS;
	return 0;
}

static int read_sender(struct mail_reader *r, struct err *err)
{
	size_t size = r->head.sender_size;

	if (size == 0)
		return 0;
	if (memchr(r->texts, '\0', size) != r->texts + size - 1)
		return no_protocol("the sender", err);
	/* "<>" is the sender of what must not be answered. */
	if (strcmp(r->texts, "<>") != 0 && !mail_address_is_good(r->texts, size - 1))
		return err_set(err, ERR_USAGE, "the sender, which -f names, is not an address; "
			       "write name@domain");
	memcpy(r->sender, r->texts, size);
	return 0;
}

static int read_texts(struct mail_reader *r, struct err *err)
{
	const char *at = r->texts + r->head.sender_size;
	size_t left = r->head.recipients_size;

	if (read_sender(r, err) < 0)
		return -1;
	while (left > 0) {
		const char *end = memchr(at, '\0', left);

		if (!end)
			return no_protocol("a recipient", err);
		if (mail_addresses_add(&r->to, at, (size_t)(end - at), err) < 0)
			return -1;
		left -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	free(r->texts);
	r->texts = NULL;
	r->part = MAIL_PART_SIZE;
	return 0;
}

static int cannot_write(struct err *err)
{
	return err_sys(err, "keep the message");
}

/* CR LF becomes LF, which is what a mailer reads from a program. */
static int put_body(struct mail_reader *r, const char *data, size_t size, struct err *err)
{
	for (size_t at = 0; at < size;) {
		const char *cr = memchr(data + at, '\r', size - at);
		size_t n = cr ? (size_t)(cr - data) - at : size - at;

		if (r->has_cr && data[at] != '\n' && fputc('\r', r->file) == EOF)
			return cannot_write(err);
		r->has_cr = cr != NULL;
		if (fwrite(data + at, 1, n, r->file) != n)
			return cannot_write(err);
		at += n + (cr ? 1 : 0);
	}
	return 0;
}

static int too_long(struct err *err)
{
	return err_set(err, ERR_USAGE, "the headers have more than %d bytes", MAIL_HEADERS_MAX);
}

/* IS_ALL: no more will come. */
static int try_headers(struct mail_reader *r, bool is_all, struct err *err)
{
	const char *data = r->headers ? r->headers : "";	/* an empty message */
	struct text out = { 0 };

	if (!mail_fields_end(data, r->header_size, is_all, &r->header_end))
		return 0;
	size_t end = r->header_end;

	if (end > MAIL_HEADERS_MAX)
		return too_long(err);
	r->is_body = true;
	int rc = mail_fields_read(data, end, r->identity,
				  r->head.reads_headers ? &r->to : NULL, &out, err);

	if (rc == 0 && fwrite(out.data, 1, out.size, r->file) != out.size)
		rc = cannot_write(err);
	text_free(&out);
	if (rc == 0)
		rc = put_body(r, data + end, r->header_size - end, err);
	free(r->headers);
	r->headers = NULL;
	if (rc == 0 && r->to.count == 0)
		rc = err_set(err, ERR_USAGE, "the message has no recipient");
	return rc;
}

static int keep_header(struct mail_reader *r, const char *data, size_t size, struct err *err)
{
	/* A piece may hold the last header and much of the body. */
	if (r->header_size + size > MAIL_HEADERS_MAX + MAIL_PIECE_MAX)
		return too_long(err);
	while (r->header_room < r->header_size + size) {
		size_t room = r->header_room ? 2 * r->header_room : HEADERS_START;
		char *grown = realloc(r->headers, room);

		if (!grown)
			return no_memory(err);
		r->headers = grown;
		r->header_room = room;
	}
	memcpy(r->headers + r->header_size, data, size);
	r->header_size += size;
	if (try_headers(r, false, err) < 0)
		return -1;
	return r->is_body || r->header_size <= MAIL_HEADERS_MAX ? 0 : too_long(err);
}

static int put_data(struct mail_reader *r, const char *data, size_t size, struct err *err)
{
	r->size += size;
	if (r->size > r->size_max)
		return err_set(err, ERR_USAGE, "the message has more than the %llu bytes of "
			       "mail_size", (unsigned long long)r->size_max);
	return r->is_body ? put_body(r, data, size, err) : keep_header(r, data, size, err);
}

static int end_message(struct mail_reader *r, struct err *err)
{
	if (!r->is_body && try_headers(r, true, err) < 0)
		return -1;
	if ((r->has_cr && fputc('\r', r->file) == EOF) || fflush(r->file) != 0)
		return cannot_write(err);
	r->part = MAIL_PART_END;
	return 0;
}

/* Copies up to WHOLE bytes of the part; how many of DATA were used. */
static size_t gather(struct mail_reader *r, void *to, size_t whole, const char *data, size_t size)
{
	size_t n = whole - r->have < size ? whole - r->have : size;

	if (n > 0)
		memcpy((char *)to + r->have, data, n);
	r->have += n;
	return n;
}

int mail_reader_take(struct mail_reader *r, const char *data, size_t size, struct err *err)
{
	for (size_t at = 0; r->part != MAIL_PART_END;) {
		size_t texts = r->head.sender_size + r->head.recipients_size;
		size_t n = 0;
		int rc = 0;

		if (at == size && !(r->part == MAIL_PART_TEXTS && texts == 0))
			break;
		switch (r->part) {
		case MAIL_PART_HEAD:
			at += gather(r, &r->head, sizeof(r->head), data + at, size - at);
			if (r->have == sizeof(r->head)) {
				r->have = 0;
				rc = check_head(r, err);
			}
			break;
		case MAIL_PART_TEXTS:
			at += gather(r, r->texts, texts, data + at, size - at);
			if (r->have == texts) {
				r->have = 0;
				rc = read_texts(r, err);
			}
			break;
		case MAIL_PART_SIZE:
			at += gather(r, &r->piece, sizeof(r->piece), data + at, size - at);
			if (r->have < sizeof(r->piece))
				break;
			r->have = 0;
			if (r->piece > MAIL_PIECE_MAX)
				return no_protocol("the size of a piece", err);
			r->part = MAIL_PART_DATA;
			rc = r->piece == 0 ? end_message(r, err) : 0;
			break;
		case MAIL_PART_DATA:
			n = r->piece < size - at ? r->piece : size - at;
			rc = put_data(r, data + at, n, err);
			at += n;
			r->piece -= (uint32_t)n;
			if (r->piece == 0)
				r->part = MAIL_PART_SIZE;
			break;
		case MAIL_PART_END:
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

void mail_reader_done(struct mail_reader *r)
{
	free(r->texts);
	free(r->headers);
	r->texts = NULL;
	r->headers = NULL;
}
