/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a message (RFC 5322 2.2). */
#include "daemon/mail/mail_fields.h"

#include <string.h>
#include <strings.h>

#include "base/mutant.h"
#include "schema/errors.h"

enum use { KEPT = 0, FORGED = 1, ADDRESSES = 2, HIDDEN = 4 };

static const struct {
	const char *name;
	unsigned use;
} known[] = {
	{ MAIL_FIELD_IDENTITY, FORGED },
	{ "To", ADDRESSES },
	{ "Cc", ADDRESSES },
	{ "Bcc", ADDRESSES | HIDDEN },
	{ "Resent-Bcc", HIDDEN },
};

/* The size of the name at the front of a line, 0 if it is no header's line. */
static size_t name_size(const char *line, size_t size)
{
	size_t n = 0, colon = 0;

	while (n < size && line[n] > 32 && line[n] < 127 && line[n] != ':')
		n++;
	/* Blanks before the colon are old, but some readers still take them. */
	for (colon = n; colon < size && (line[colon] == ' ' || line[colon] == '\t');)
		colon++;
	return n > 0 && colon < size && line[colon] == ':' ? n : 0;
}

static bool is_continued(const char *line, size_t size)
{
	return size > 0 && (*line == ' ' || *line == '\t');
}

/* With its LF, if it has one. */
static size_t line_size(const char *line, size_t size)
{
	const char *end = memchr(line, '\n', size);

	return end ? (size_t)(end - line) + 1 : size;
}

static bool is_empty_line(const char *line, size_t size)
{
	return (size == 1 && line[0] == '\n') || (size == 2 && line[0] == '\r' && line[1] == '\n');
}

bool mail_fields_end(const char *data, size_t size, bool is_all, size_t *at)
{
	while (*at < size) {
		const char *line = data + *at;
		size_t n = line_size(line, size - *at);

		if (line[n - 1] != '\n' && !is_all)
			return false;
		/* The empty line goes with the headers; without one the body begins at
		 * the first line that cannot be a header's. */
		if (is_empty_line(line, n)) {
			*at += n;
			return true;
		}
		if (!name_size(line, n) && !(*at > 0 && is_continued(line, n)))
			return true;
		*at += n;
	}
	return is_all;
}

static unsigned use_of(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == size && strncasecmp(known[i].name, name, size) == 0)
			return known[i].use;
	return KEPT;
}

/* A CR alone would be the end of a line for some readers, and hide a header that
 * is not looked at here. */
static int put(struct text *out, const char *data, size_t size, struct err *err)
{
	if (memchr(data, '\0', size))
		return err_set(err, ERR_USAGE, "a header has a null byte");
	while (size > 0) {
		size_t n = line_size(data, size);
		size_t shown = n;

		while (shown > 0 && strchr("\r\n", data[shown - 1]))
			shown--;
		for (size_t i = 0; i < shown;) {
			const char *cr = memchr(data + i, '\r', shown - i);
			size_t part = cr ? (size_t)(cr - data) - i : shown - i;

			text_add(out, "%.*s%s", (int)part, data + i, i + part < shown ? " " : "");
			i += part + 1;
		}
		text_add(out, "\n");
		data += n;
		size -= n;
	}
	return 0;
}

/* One header with the lines that continue it. */
static int take(const char *field, size_t size, struct mail_addresses *recipients,
		struct text *out, struct err *err)
{
	size_t name = name_size(field, size);
	unsigned use = use_of(field, name);
	const char *value = memchr(field, ':', size);

	if (recipients && (use & ADDRESSES) && value) {
		size_t before = (size_t)(value + 1 - field);

		if (mail_addresses_read(recipients, value + 1, size - before, err) < 0)
			return -1;
	}
	if (((use & FORGED) && !mutant_is_off("mail-identity")) ||
	    (recipients && (use & HIDDEN)))
		return 0;
	return put(out, field, size, err);
}

int mail_fields_read(const char *data, size_t size, const char *identity,
		     struct mail_addresses *recipients, struct text *out, struct err *err)
{
	text_add(out, "%s", identity);
	for (size_t at = 0; at < size;) {
		size_t n = line_size(data + at, size - at);

		if (is_empty_line(data + at, n))
			break;
		while (at + n < size && is_continued(data + at + n, size - at - n))
			n += line_size(data + at + n, size - at - n);
		if (take(data + at, n, recipients, out, err) < 0)
			return -1;
		at += n;
	}
	text_add(out, "\n");
	return out->failed ? err_set(err, ERR_SYSTEM, "no memory for the headers") : 0;
}
