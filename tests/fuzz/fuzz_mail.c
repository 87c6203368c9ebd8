/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends tenant-mail, in pieces of any size; what comes of it is checked. */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/mail/mail_reader.h"

#define IDENTITY "X-Tenant: 7 site.example\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever becomes an argument of the mailer. */
static void check_address(const char *a)
{
	const char *at = strchr(a, '@');

	assert(at && at > a && at[1] && !strchr(at + 1, '@') && *a != '-' && *a != '/');
	for (; *a; a++)
		assert(isgraph((unsigned char)*a) && !strchr("\"\\()<>[],;:|", *a));
}

/* The identity stands once, in front; no line of the headers names another one. */
static void check_message(const char *text, size_t size)
{
	size_t line = 0;
	const char *end = memmem(text, size, "\n\n", 2);

	assert(size >= sizeof(IDENTITY) && end);
	assert(memcmp(text, IDENTITY, sizeof(IDENTITY) - 1) == 0);
	for (const char *at = text; at < end; at += line + 1) {
		line = strcspn(at, "\n");
		assert(!memchr(at, '\r', line) && !memchr(at, '\0', line));
		assert(at == text || strncasecmp(at, "X-Tenant", 8) != 0 ||
		       !strchr(": \t", at[8]) || memchr(at, ':', line) == NULL);
	}
}

static void run(const uint8_t *data, size_t size, size_t step)
{
	struct mail_reader r = { .identity = IDENTITY, .size_max = 4096 };
	struct err err = { 0 };
	char *text = NULL;
	size_t made = 0;
	int rc = 0;

	r.file = open_memstream(&text, &made);
	assert(r.file);
	for (size_t at = 0; rc == 0 && at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		/* A copy of just this size, so that the sanitizer sees one byte too many. */
		char *copy = malloc(n);

		assert(copy);
		memcpy(copy, data + at, n);
		rc = mail_reader_take(&r, copy, n, &err);
		free(copy);
	}
	assert(rc == 0 || (err.code && err.text[0]));
	for (const char *e = err.text; *e; e++)
		assert(isprint((unsigned char)*e));
	assert(fclose(r.file) == 0);
	if (rc == 0 && r.part == MAIL_PART_END && r.head.kind == MAIL_KIND_SEND) {
		assert(r.to.count > 0 && r.to.count <= MAIL_RECIPIENTS_MAX && r.size <= 4096);
		for (size_t i = 0; i < r.to.count; i++)
			check_address(r.to.at[i]);
		if (r.sender[0] && strcmp(r.sender, "<>") != 0)
			check_address(r.sender);
		check_message(text, made);
	}
	mail_reader_done(&r);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole[sizeof(struct mail_head) + 65536];
	struct mail_head head = { .magic = MAIL_MAGIC, .version = MAIL_VERSION,
				  .kind = MAIL_KIND_SEND, .reads_headers = 1 };
	static const char to[] = "x@far.example";

	if (size < 2 || size > 60000)
		return 0;
	run(data + 1, size - 1, (size_t)data[0] + 1);
	/* A head is seldom met by chance: the bytes are a message behind a good one, too. */
	uint32_t piece = (uint32_t)size - 1, end = 0;
	size_t n = 0;

	head.recipients_size = data[0] & 1 ? sizeof(to) : 0;
	memcpy(whole, &head, sizeof(head));
	n += sizeof(head);
	memcpy(whole + n, to, head.recipients_size);
	n += head.recipients_size;
	memcpy(whole + n, &piece, sizeof(piece));
	n += sizeof(piece);
	memcpy(whole + n, data + 1, piece);
	n += piece;
	memcpy(whole + n, &end, sizeof(end));
	run(whole, n + sizeof(end), (size_t)data[0] + 1);
	return 0;
}
