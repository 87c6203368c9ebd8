/* SPDX-License-Identifier: Apache-2.0 */
/* Mail: addresses, headers, sendmail's command line, the hour. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/mail/mail_counts.h"
#include "daemon/mail/mail_fields.h"
#include "pool/mail_args.h"

/* What a header's value names, joined by blanks; NULL: it is refused. */
static const struct {
	const char *value, *found;
} lists[] = {
	{ "a@b.c", "a@b.c" },
	{ " a@b.c ,\r\n\td@e.f ", "a@b.c d@e.f" },
	{ "Joe <a@b.c>, \"X, Y\" <d@e.f>", "a@b.c d@e.f" },
	{ "a@b.c (the (inner) one), <d@e.f>", "a@b.c d@e.f" },
	{ "\"with \\\" in it\" <a@b.c>", "a@b.c" },
	{ "friends: a@b.c, d@e.f; g@h.i", "a@b.c d@e.f g@h.i" },
	{ "undisclosed recipients:;", "" },
	{ "", "" }, { " , ,", "" },
	{ "a@b.c, A@B.C", "a@b.c" },
	{ "a@b.c <d@e.f>", "d@e.f" },
	{ "a'b+c!d@x-y.example", "a'b+c!d@x-y.example" },
	{ "root", NULL }, { "a b@c.d", NULL }, { "@b.c", NULL }, { "a@", NULL },
	{ "a@b@c", NULL }, { "\"a b\"@c.d", NULL }, { "<a@b.c", NULL }, { "<a@b.c> <d@e.f>", NULL },
	{ "\"a@b.c", NULL }, { "(a@b.c", NULL }, { "a@b.c  Bcc: d@e.f", NULL },
	{ "-f@b.c", NULL }, { "/x@b.c", NULL }, { "|x@b.c", NULL }, { "a..b@c.d", NULL },
	{ ".a@b.c", NULL }, { "a@b..c", NULL }, { "a@-b.c", NULL }, { "<@r.s:a@b.c>", NULL },
	{ "\xc3\xa4@b.c", NULL },
};

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct mail_addresses *to = calloc(1, sizeof(*to));
		struct text found = { 0 };
		struct err err = { 0 };
		int rc = mail_addresses_read(to, lists[i].value, strlen(lists[i].value), &err);

		for (size_t k = 0; k < to->count; k++)
			text_add(&found, "%s%s", k ? " " : "", to->at[k]);
		if ((rc == 0) != (lists[i].found != NULL) ||
		    (rc == 0 && strcmp(found.data ? found.data : "", lists[i].found) != 0))
			fail_msg("'%s': '%s' %s", lists[i].value, found.data ? found.data : "",
				 err.text);
		text_free(&found);
		free(to);
	}
}

/* A message, whether recipients are read from it, and what the mailer gets of its
 * headers behind the identity. */
static const struct {
	const char *message;
	int reads;
	const char *headers;
	size_t body;		/* where it begins */
} messages[] = {
	{ "To: a@b.c\r\nSubject: x\r\n\r\nhi", 1, "To: a@b.c\nSubject: x\n\n", 25 },
	{ "Subject: x\n", 0, "Subject: x\n\n", 11 },
	{ "no header\nTo: a@b.c\n", 0, "\n", 0 },
	{ "Subject: x\nno header\n", 0, "Subject: x\n\n", 11 },
	{ " folded at once\n", 0, "\n", 0 },
	{ "\nbody", 0, "\n", 1 },
	{ "X-Tenant: 1\nA: b\nx-tenant : 2\n 3\nC: d\n\n", 0, "A: b\nC: d\n\n", 39 },
	{ "Bcc: a@b.c\nA: b\n\n", 1, "A: b\n\n", 17 },
	{ "Bcc: a@b.c\nA: b\n\n", 0, "Bcc: a@b.c\nA: b\n\n", 17 },
	{ "A: b\rX-Tenant: 1\n\n", 0, "A: b X-Tenant: 1\n\n", 18 },
	{ "A: b\r\r\nC: d\n\n", 0, "A: b\nC: d\n\n", 13 },
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		struct mail_addresses *to = calloc(1, sizeof(*to));
		const char *m = messages[i].message;
		struct text out = { 0 };
		struct err err = { 0 };
		size_t at = 0;

		/* Byte by byte, as it may come. */
		for (size_t n = 0; n < strlen(m) && !mail_fields_end(m, n, false, &at); n++)
			;
		assert_true(mail_fields_end(m, strlen(m), true, &at));
		if (at != messages[i].body)
			fail_msg("'%s': the body begins at %zu", m, at);
		assert_int_equal(mail_fields_read(m, at, "I: i\n", messages[i].reads ? to : NULL,
						  &out, &err), 0);
		assert_memory_equal(out.data, "I: i\n", 5);
		assert_string_equal(out.data + 5, messages[i].headers);
		assert_int_equal(to->count, messages[i].reads);
		text_free(&out);
		free(to);
	}
}

/* A command line: the sender, recipients and 't', '.' as they are set; NULL: refused. */
static const struct {
	const char *line, *meaning;
} commands[] = {
	{ "sendmail -t -i", "t" },
	{ "sendmail -t -i -fme@a.b", "t me@a.b" },
	{ "sendmail -oi -f me@a.b -- x@y.z", "me@a.b x@y.z" },
	{ "sendmail x@y.z", ". x@y.z" },
	{ "sendmail -ti -F 'My Name' -oem -B8BITMIME", "t" },
	{ "sendmail  -t \t-f'a b'@c ", "t. a b@c" },
	{ "sendmail -t -f a\\ b", "t. a b" },
	{ "sendmail -i -f \"\" x@y.z", "x@y.z" },
	{ "sendmail -X/tmp/x", NULL }, { "sendmail -C /tmp/x", NULL }, { "sendmail -bs", NULL },
	{ "sendmail -OA=b", NULL }, { "sendmail -f", NULL }, { "sendmail 'x", NULL },
	{ "sendmail x; id", NULL }, { "sendmail $(id)", NULL }, { "sendmail x | y", NULL },
	{ "sendmail -oQ/tmp", NULL }, { "sendmail -q", NULL }, { "sendmail -be", NULL },
};

static void test_command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[200];
		char *words[16];
		struct mail_args a = { 0 };
		struct text meaning = { 0 };
		struct err err = { 0 };

		(void)str_copy(line, sizeof(line), commands[i].line);
		int count = mail_args_split(line, words, ARRAY_SIZE(words), &err);
		int rc = count < 0 ? -1 : mail_args_parse(count - 1, words + 1, &a, &err);

		text_add(&meaning, "%s%s", a.reads_headers ? "t" : "", a.ends_at_dot ? "." : "");
		if (a.sender[0])
			text_add(&meaning, " %s", a.sender);
		for (size_t k = 0; k < a.recipient_count; k++)
			text_add(&meaning, " %s", a.recipients[k]);
		const char *got = meaning.data + strspn(meaning.data, " ");

		if ((rc == 0) != (commands[i].meaning != NULL) ||
		    (rc == 0 && strcmp(got, commands[i].meaning) != 0))
			fail_msg("'%s': '%s' %s", commands[i].line, got, err.text);
		text_free(&meaning);
	}
}

static void test_the_hour(void **state)
{
	(void)state;
	char folder[] = "/tmp/mail.XXXXXX";
	struct mail_counts c = { .fd = -1 }, second = { .fd = -1 };
	struct err err = { 0 };

	assert_non_null(mkdtemp(folder));
	CLOSE_AT_EXIT int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(mail_counts_open(&c, dir, 3, &err), 0);
	assert_int_equal(mail_counts_open(&second, dir, 3, &err), -1);
	/* So many in a second, each tenant's own. */
	for (uint64_t now = 1; now < 3; now++)
		for (int n = 0; n < 4; n++)
			assert_int_equal(mail_counts_pace(&c, mail_counts_row(&c, 7, 0),
							  now, 3), n < 3);
	assert_true(mail_counts_pace(&c, mail_counts_row(&c, 8, 0), 2, 3));
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, 0), 6, 10), 0);
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, 1000), 5, 10), -1);
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, 1000), 4, 10), 0);
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 8, 1000), 10, 10), 0);
	/* Never more within any hour: those of second 0 count until after 3600. */
	for (uint64_t now = 1000; now <= 3600; now += 100)
		assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, now), 1, 10), -1);
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, 3900), 7, 10), -1);
	assert_int_equal(mail_counts_take(mail_counts_row(&c, 7, 3900), 6, 10), 0);
	/* The next process knows. */
	mail_counts_close(&c);
	assert_int_equal(mail_counts_open(&c, dir, 3, &err), 0);
	assert_int_equal(mail_counts_row(&c, 7, 3900)->in_hour, 10);
	assert_int_equal(mail_counts_row(&c, 7, 100000)->in_hour, 0);
	/* Of one more than there is room for, the longest quiet one goes. */
	assert_int_equal(mail_counts_row(&c, 9, 100000)->in_hour, 0);
	assert_non_null(mail_counts_find(&c, 8, 1000));
	(void)mail_counts_row(&c, 10, 100000);
	assert_null(mail_counts_find(&c, 8, 100000));
	assert_non_null(mail_counts_find(&c, 7, 100000));
	mail_counts_close(&c);
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(file_remove_tree(tmp, folder + 5, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_the_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
