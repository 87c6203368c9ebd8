/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a tenant's output reaches its log. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "daemon/log/log_cap.h"
#include "daemon/log/log_copy.h"

static void test_rate(void **state)
{
	(void)state;
	struct log_cap c;
	uint64_t dropped = 0;

	log_cap_init(&c, 0);
	assert_int_equal(log_cap_take(&c, 0, LOG_BURST), LOG_BURST);
	assert_int_equal(log_cap_take(&c, 0, 1000), 0);
	assert_false(log_cap_note(&c, 0, &dropped));
	/* A second later there is a second's worth. */
	assert_true(log_cap_note(&c, 1000, &dropped));
	assert_int_equal(dropped, 1000);
	assert_false(log_cap_note(&c, 1000, &dropped));
	assert_int_equal(log_cap_take(&c, 1000, LOG_BURST), LOG_RATE);
	/* Never more than the burst, however long it was quiet. */
	assert_int_equal(log_cap_take(&c, INT64_MAX / 2, 2 * LOG_BURST), LOG_BURST);
	/* A clock that goes back gives nothing. */
	assert_int_equal(log_cap_take(&c, 0, 1), 0);
}

static void test_steady(void **state)
{
	(void)state;
	struct log_cap c;
	int64_t now = 0;

	log_cap_init(&c, now);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(log_cap_take(&c, now += 100, LOG_RATE / 10), LOG_RATE / 10);
	assert_int_equal(c.dropped, 0);
}

static void test_size(void **state)
{
	(void)state;
	struct log_cap c;

	log_cap_init(&c, 0);
	assert_int_equal(log_cap_file(&c, LOG_SIZE_MAX - 1), LOG_FILE_WRITE);
	assert_int_equal(log_cap_file(&c, LOG_SIZE_MAX), LOG_FILE_SAY_FULL);
	assert_int_equal(log_cap_file(&c, LOG_SIZE_MAX + 99), LOG_FILE_SILENT);
	assert_int_equal(log_cap_file(&c, 0), LOG_FILE_WRITE);
	assert_int_equal(log_cap_file(&c, LOG_SIZE_MAX), LOG_FILE_SAY_FULL);
}

static char path[] = "/tmp/test_log_cap.XXXXXX";
static int ends[2];

static int setup(void **state)
{
	static struct log_copy copy;

	(void)str_copy(path, sizeof(path), "/tmp/test_log_cap.XXXXXX");
	int file = mkstemp(path);

	if (file < 0 || fcntl(file, F_SETFL, O_APPEND) < 0 ||
	    pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	log_copy_init(&copy, 7, ends[0], file, 0);
	*state = &copy;
	return 0;
}

static int teardown(void **state)
{
	log_copy_done(*state);
	fd_close(&ends[1]);
	return unlink(path);
}

static void content(char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n < 0 ? 0 : n] = '\0';
	fd_close(&fd);
}

static void test_copy_and_note(void **state)
{
	struct log_copy *c = *state;
	char text[256];

	assert_int_equal(log_copy_some(c, 100, 0), 0);
	assert_int_equal(fd_write_full(ends[1], "one\ntwo", 7), 0);
	assert_int_equal(log_copy_some(c, 100, 0), 7);
	/* The rest is more than what may come at once. */
	c->cap.room = 0;
	assert_int_equal(fd_write_full(ends[1], "three\n", 6), 0);
	assert_int_equal(log_copy_some(c, 4, 0), 4);
	assert_int_equal(log_copy_some(c, 4, 0), 2);
	assert_true(log_copy_note(c, 0));
	assert_false(log_copy_note(c, 1000));
	content(text, sizeof(text));
	assert_string_equal(text, "one\ntwo\n[tenantd] 6 bytes were dropped: more than 256 KiB a "
			    "second\n");
}

static void test_full_file(void **state)
{
	struct log_copy *c = *state;
	struct stat st;

	assert_int_equal(ftruncate(c->file, LOG_SIZE_MAX), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fd_write_full(ends[1], "more\n", 5), 0);
		assert_int_equal(log_copy_some(c, 100, 0), 5);
	}
	assert_int_equal(fstat(c->file, &st), 0);
	assert_in_range(st.st_size, LOG_SIZE_MAX + 1, LOG_SIZE_MAX + 200);
	/* Rotated by truncation: it goes on. */
	assert_int_equal(ftruncate(c->file, 0), 0);
	assert_int_equal(fd_write_full(ends[1], "new\n", 4), 0);
	assert_int_equal(log_copy_some(c, 100, 0), 4);
	assert_int_equal(fstat(c->file, &st), 0);
	assert_int_equal(st.st_size, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate), cmocka_unit_test(test_steady),
		cmocka_unit_test(test_size),
		cmocka_unit_test_setup_teardown(test_copy_and_note, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
