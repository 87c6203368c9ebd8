/* SPDX-License-Identifier: Apache-2.0 */
/* Plain helpers: errors, strings, descriptors, files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"

static int folder = -1;
static char folder_path[] = "/tmp/test_base.XXXXXX";

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder_path))
		return -1;
	folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fd_close(&folder);
	return file_remove_tree(tmp, folder_path + 5, NULL);
}

static void test_errors(void **state)
{
	(void)state;
	struct err err = { 0 };
	char name[2 * ERR_TEXT_MAX];

	errno = EACCES;
	assert_int_equal(err_sys(&err, "bind '%s'", "/srv/a"), -1);
	assert_int_equal(err_wrap(&err, "tenant '%s'", "site.example"), -1);
	assert_string_equal(err.text, "tenant 'site.example': bind '/srv/a': Permission denied");
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(err.sys, EACCES);
	assert_int_equal(err_set(NULL, 3, "no room asked for"), -1);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(err_set(&err, 3, "%s", name), -1);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_int_equal(err_wrap(&err, "%s", name), -1);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void test_strings(void **state)
{
	(void)state;
	char small[4];
	uint64_t n = 7;
	struct text t = { 0 };

	assert_int_equal(str_copy(small, sizeof(small), "abc"), 0);
	assert_int_equal(str_copy(small, sizeof(small), "abcd"), -1);
	assert_string_equal(small, "");
	assert_int_equal(str_format(small, sizeof(small), "%d", 1234), -1);
	assert_int_equal(str_number("18446744073709551615", UINT64_MAX, &n), 0);
	assert_int_equal(str_number("18446744073709551616", UINT64_MAX, &n), -1);
	assert_int_equal(str_number("", 9, &n), -1);
	assert_int_equal(str_number("1x", 9, &n), -1);
	assert_int_equal(str_number("10", 9, &n), -1);
	assert_false(str_is_terminated("abc", 3));
	assert_true(str_is_terminated("abc", 4));
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%04d", i);
	assert_false(t.failed);
	assert_int_equal(t.size, 4000);
	for (int i = 0; i < 300 && !t.failed; i++)
		text_add(&t, "%04000d", i);
	assert_true(t.failed);
	text_free(&t);
}

static void test_files(void **state)
{
	(void)state;
	struct err err = { 0 };
	char data[8];
	struct stat st;

	assert_int_equal(file_write(folder, "a", "hello", 5, 0640, getuid(), getgid(), &err), 0);
	assert_int_equal(file_write(folder, "a", "world", 5, 0640, getuid(), getgid(), &err), 0);
	assert_int_equal(file_read(folder, "a", data, sizeof(data), &err), 5);
	assert_memory_equal(data, "world", 5);
	assert_int_equal(file_read(folder, "a", data, 4, &err), -1);
	assert_int_equal(symlinkat("a", folder, "link"), 0);
	assert_int_equal(file_read(folder, "link", data, sizeof(data), &err), -1);
	assert_int_equal(err.sys, ELOOP);
	assert_int_equal(fstatat(folder, ".a.new", &st, 0), -1);
	assert_int_equal(file_remove(folder, "a", &err), 0);
	assert_int_equal(file_remove(folder, "a", &err), 0);
	/* What cannot be written is told with its folder, for `df`. */
	assert_int_equal(file_write(folder, "no/a", "x", 1, 0600, getuid(), getgid(), &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_non_null(strstr(err.text, "make '/"));
	assert_non_null(strstr(err.text, "/.no/a.new': "));
}

static void test_records_are_roots(void **state)
{
	(void)state;
	struct err err = { 0 };
	char data[5];

	if (getuid() != 0)
		skip();		/* only root can make a record that is root's */
	assert_int_equal(file_write(folder, "r", "12345", 5, 0600, 0, 0, &err), 0);
	assert_int_equal(file_read_record(folder, "r", data, 5, &err), 0);
	assert_int_equal(file_read_record(folder, "r", data, 4, &err), -1);
	assert_int_equal(file_write(folder, "r", "12345", 5, 0600, 1234, 0, &err), 0);
	assert_int_equal(file_read_record(folder, "r", data, 5, &err), -1);
	assert_int_equal(file_write(folder, "r", "12345", 5, 0620, 0, 0, &err), 0);
	assert_int_equal(file_read_record(folder, "r", data, 5, &err), -1);
}

static void test_beneath(void **state)
{
	(void)state;
	CLOSE_AT_EXIT int dir = file_make_dir(folder, "d", 0755, getuid(), getgid(), NULL);
	CLOSE_AT_EXIT int fd = -1;

	assert_true(dir >= 0);
	assert_int_equal(symlinkat("/etc", dir, "out"), 0);
	assert_int_equal(file_open_beneath(dir, "out/passwd", O_RDONLY, 0), -1);
	assert_int_equal(file_open_beneath(dir, "../link", O_RDONLY, 0), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(file_make_dir(dir, "out", 0755, getuid(), getgid(), NULL), -1);
	fd = file_open_beneath(dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
}

/* The tree holds a link to a folder outside: it goes, its target stays. */
static void test_remove_tree(void **state)
{
	(void)state;
	struct err err = { 0 };
	struct stat st;
	CLOSE_AT_EXIT int keep = file_make_dir(folder, "keep", 0700, getuid(), getgid(), &err);
	CLOSE_AT_EXIT int gone = file_make_dir(folder, "gone", 0700, getuid(), getgid(), &err);
	CLOSE_AT_EXIT int deep = file_make_dir(gone, "deep", 0700, getuid(), getgid(), &err);

	assert_int_equal(file_write(keep, "f", "x", 1, 0600, getuid(), getgid(), &err), 0);
	assert_int_equal(file_write(deep, "f", "x", 1, 0600, getuid(), getgid(), &err), 0);
	assert_int_equal(symlinkat("../../keep", deep, "link"), 0);
	assert_int_equal(file_remove_tree(folder, "gone", &err), 0);
	assert_int_equal(fstatat(folder, "gone", &st, 0), -1);
	assert_int_equal(fstatat(keep, "f", &st, 0), 0);
	assert_int_equal(file_remove_tree(folder, "gone", &err), 0);
}

/* Deeper than any path may be, and in the way stands what a nester could guess. */
static void test_remove_deep_tree(void **state)
{
	(void)state;
	struct err err = { 0 };
	CLOSE_AT_EXIT int at = file_make_dir(folder, "gone", 0700, getuid(), getgid(), &err);

	assert_int_equal(file_write(at, ".deep.0", "x", 1, 0600, getuid(), getgid(), &err), 0);
	for (int i = 0; i < 3 * FILE_DEPTH_MAX + 7; i++) {
		int next = file_make_dir(at, "d", 0700, getuid(), getgid(), &err);

		assert_true(next >= 0);
		assert_int_equal(file_write(at, "f", "x", 1, 0600, getuid(), getgid(), &err), 0);
		fd_close(&at);
		at = next;
	}
	if (file_remove_tree(folder, "gone", &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(faccessat(folder, "gone", F_OK, 0), -1);
}

static void test_passing(void **state)
{
	(void)state;
	int pair[2];
	int got[2] = { -1, -1 };
	size_t count = 2;
	char data[4];
	int sent[3] = { 0, 1, 2 };

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 2), 0);
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), got, &count), 2);
	assert_int_equal(count, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	fd_close(&got[0]);
	fd_close(&got[1]);
	/* More descriptors than asked for: refused, and none is left open. */
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 3), 0);
	count = 1;
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), got, &count), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(fd_send(pair[0], "longer", 6, NULL, 0), 0);
	count = 1;
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), got, &count), -1);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

static void test_sealed(void **state)
{
	(void)state;
	struct err err = { 0 };
	char data[3];
	CLOSE_AT_EXIT int fd = fd_sealed("test", "abc", 3, &err);

	assert_true(fd >= 0);
	assert_int_equal(fd_read_full(fd, data, 3), 0);
	assert_memory_equal(data, "abc", 3);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_records_are_roots),
		cmocka_unit_test(test_beneath),
		cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(test_remove_deep_tree),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_sealed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
