/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's log in parts: whole lines, each to its own site, none lost where it was left off. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/log/visit_parts.h"

static char folder[] = "/tmp/parts.XXXXXX";

static int open_here(const char *name, int flags)
{
	char path[128];

	(void)str_format(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void add(const char *name, const char *text)
{
	int fd = open_here(name, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void holds(const char *name, const char *text)
{
	static char found[1 << 20];
	int fd = open_here(name, O_RDONLY);
	ssize_t n = read(fd, found, sizeof(found) - 1);

	(void)close(fd);
	found[n > 0 ? n : 0] = '\0';
	assert_string_equal(found, text);
}

static void site(struct parts *v, const char *name, uint32_t number, const char *file)
{
	struct err err = { 0 };

	int fd = open_here(file, O_WRONLY | O_APPEND);

	assert_int_equal(parts_site(v, name, number, fd, &err), 0);
}

static void logs(struct parts *v, const char *log, const char *old)
{
	struct err err = { 0 };
	int position = open_here("position", O_RDWR);

	assert_int_equal(ftruncate(position, sizeof(struct log_position)), 0);
	if (parts_log(v, position, open_here(log, O_RDONLY), old ? open_here(old, O_RDONLY) : -1,
		      &err) < 0)
		fail_msg("%s", err.text);
}

static void go_on(struct parts *v)
{
	while (parts_go_on(v))
		;
}

static void test_parting(void **state)
{
	(void)state;
	struct parts v, next;

	parts_init(&v);
	assert_false(parts_go_on(&v));		/* nothing is known yet */
	site(&v, "a.example", 1, "a");
	site(&v, "b.example", 2, "b");
	add("log", "a.example 1\nb.example 1\nb.example a.example 2\na.example.b x\n_ y\n\n"
		   " a.example\na.example 2\na.exam");
	logs(&v, "log", NULL);
	go_on(&v);
	holds("a", "a.example 1\na.example 2\n");
	holds("b", "b.example 1\nb.example a.example 2\n");
	/* The rest of a line comes later. */
	add("log", "ple 3");
	go_on(&v);
	add("log", "\n");
	go_on(&v);
	holds("a", "a.example 1\na.example 2\na.example 3\n");

	/* Rotated: who still writes to the old one is heard, in whichever order. */
	char from[128], to[128];

	(void)str_format(from, sizeof(from), "%s/log", folder);
	(void)str_format(to, sizeof(to), "%s/log.1", folder);
	assert_int_equal(rename(from, to), 0);
	add("log", "a.example new\n");
	logs(&v, "log", "log.1");
	go_on(&v);
	add("log.1", "a.example late\n");
	go_on(&v);
	holds("a", "a.example 1\na.example 2\na.example 3\na.example new\na.example late\n");

	/* Another tenant-log goes on where this one was. */
	parts_done(&v);
	add("log.1", "a.example later\n");
	add("log", "a.example newer\n");
	parts_init(&next);
	site(&next, "a.example", 1, "a");
	logs(&next, "log", "log.1");
	go_on(&next);
	holds("a", "a.example 1\na.example 2\na.example 3\na.example new\na.example late\n"
		   "a.example later\na.example newer\n");

	/* The file of a site is replaced between two lines; who is gone gets nothing. */
	site(&next, "a.example", 1, "a2");
	parts_forget(&next, "a.example", 7);	/* another's number: not meant */
	add("log", "a.example 8\n");
	go_on(&next);
	holds("a2", "a.example 8\n");
	parts_forget(&next, "a.example", 1);
	add("log", "a.example 9\n");
	go_on(&next);
	holds("a2", "a.example 8\n");

	/* What the first owner's visitors did is not the second one's to read. */
	site(&next, "a.example", 1, "first");
	add("log", "a.example 10\n");
	parts_forget(&next, "a.example", 1);
	site(&next, "a.example", 9, "second");
	add("log", "a.example 11\n");
	go_on(&next);
	holds("first", "a.example 10\n");
	holds("second", "a.example 11\n");
	parts_done(&next);
}

/* Longer than what is read at once, and one line that no nginx writes. */
static void test_much(void **state)
{
	(void)state;
	struct parts v;
	char line[64];
	static char wanted[1 << 20];
	size_t used = 0;
	int fd = open_here("much", O_WRONLY);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	for (int i = 0; i < 40000; i++) {
		const char *name = i % 3 ? "c.example" : "d.example";

		(void)str_format(line, sizeof(line), "%s %d\n", name, i);
		(void)fputs(line, f);
		if (i % 3)
			used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s", line);
	}
	for (int i = 0; i < 60000; i++)		/* whatever a piece of it begins with */
		(void)fputs("c.example ", f);
	(void)fputs("\nc.example end\n", f);
	(void)snprintf(wanted + used, sizeof(wanted) - used, "c.example end\n");
	assert_int_equal(fclose(f), 0);
	parts_init(&v);
	site(&v, "c.example", 3, "c");
	site(&v, "d.example", 4, "d");
	logs(&v, "much", NULL);
	go_on(&v);
	holds("c", wanted);
	parts_done(&v);
}

/* On a full disk nothing is skipped. */
static void test_full(void **state)
{
	(void)state;
	struct parts v;
	struct err err = { 0 };

	parts_init(&v);
	site(&v, "f.example", 5, "f");
	assert_int_equal(parts_site(&v, "e.example", 6, open("/dev/full", O_WRONLY), &err), 0);
	add("full", "f.example 1\ne.example 1\nf.example 2\n");
	logs(&v, "full", NULL);
	go_on(&v);
	holds("f", "f.example 1\n");
	site(&v, "e.example", 6, "e");
	go_on(&v);
	holds("e", "e.example 1\n");
	holds("f", "f.example 1\nf.example 2\n");
	parts_done(&v);
}

/* Where there is room for a half, there is none. */
static void test_nearly_full(void **state)
{
	(void)state;
	struct parts v;
	struct rlimit was, small;

	parts_init(&v);
	site(&v, "g.example", 7, "g");
	add("nearly", "g.example 1\ng.example 2\n");
	logs(&v, "nearly", NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){ 18, was.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	go_on(&v);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	holds("g", "");
	go_on(&v);
	holds("g", "g.example 1\ng.example 2\n");
	parts_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parting),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_nearly_full),
	};
	struct err err = { 0 };

	if (!mkdtemp(folder))
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	CLOSE_AT_EXIT int above = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return file_remove_tree(above, folder + strlen("/tmp/"), &err) < 0 || rc;
}
