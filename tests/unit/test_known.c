/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were checked: known while nothing was done to them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pool/known.h"

static char folder[] = "/tmp/test-known-XXXXXX";
static int dir = -1;

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder))
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(dir);
	return rmdir(folder);
}

static void make(const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
}

static void note(struct known *k, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	known_add(k, name, &st);
}

static void test_changes(void **state)
{
	struct known k = { 0 };
	struct stat st;

	(void)state;
	make("a");
	make("b");
	assert_false(known_has(&k, dir, "a", &st));
	assert_false(known_has(&k, dir, "", &st));
	note(&k, "a");
	assert_true(known_has(&k, dir, "a", &st));
	assert_int_equal(st.st_size, 1);
	assert_false(known_has(&k, dir, "b", &st));

	assert_int_equal(fchmodat(dir, "a", 0640, 0), 0);
	assert_false(known_has(&k, dir, "a", &st));
	note(&k, "a");
	assert_int_equal(renameat(dir, "b", dir, "a"), 0);
	assert_false(known_has(&k, dir, "a", &st));
	note(&k, "a");
	assert_int_equal(linkat(dir, "a", dir, "b", 0), 0);
	assert_int_equal(unlinkat(dir, "a", 0), 0);
	assert_false(known_has(&k, dir, "a", &st));
	assert_int_equal(symlinkat("b", dir, "a"), 0);
	assert_false(known_has(&k, dir, "a", &st));
	assert_int_equal(unlinkat(dir, "a", 0), 0);
	assert_int_equal(unlinkat(dir, "b", 0), 0);
}

static void test_oldest_goes(void **state)
{
	struct known k = { 0 };
	struct stat st;
	char name[KNOWN_PATH_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= KNOWN_MAX; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		make(name);
		note(&k, name);
		note(&k, name);
	}
	for (unsigned i = 0; i <= KNOWN_MAX; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(known_has(&k, dir, name, &st), i > 0);
		assert_int_equal(unlinkat(dir, name, 0), 0);
	}
	memset(name, 'n', KNOWN_PATH_MAX);
	name[KNOWN_PATH_MAX] = '\0';
	known_add(&k, name, &st);
	assert_false(known_has(&k, dir, name, &st));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_oldest_goes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
