/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody takes a folder that cannot be read to its end for a shorter one. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/net/forward.h"
#include "sandbox/probe/probe.h"
#include "tenants/nginx_tree.h"
#include "tenants/php_versions.h"
#include "tests/unit/broken_folder.h"

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	(void)str_copy(folder, sizeof(folder), "/tmp/broken.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err err = { 0 };
	CLOSE_AT_EXIT int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	broken_folder_after = -1;
	return file_remove_tree(tmp, folder + sizeof("/tmp"), &err);
}

static void make(const char *name, mode_t mode)
{
	char path[128];

	(void)str_format(path, sizeof(path), "%s/%s", folder, name);
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
}

static void make_folder(const char *name)
{
	char path[128];

	(void)str_format(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* A site must not be told that its version is not installed. */
static void test_versions_of_php(void **state)
{
	(void)state;
	static struct settings s;
	struct php_versions v;
	struct err err = { 0 };

	(void)str_copy(s.libexec_dir, sizeof(s.libexec_dir), folder);
	make_folder("php");
	make_folder("php/8.2");
	make("php/8.2/tenant-pool", 0700);
	assert_int_equal(php_versions_read(&s, &v, &err), 0);
	assert_int_equal(v.count, 1);
	assert_string_equal(v.name[0], "8.2");
	broken_folder_after = 0;
	assert_int_equal(php_versions_read(&s, &v, &err), -1);
	assert_int_equal(err.sys, EIO);
}

static void test_files_of_nginx(void **state)
{
	(void)state;
	struct err err = { 0 };
	CLOSE_AT_EXIT int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	make("1.conf", 0600);
	make("2.conf", 0600);
	assert_int_equal(nginx_tree_files(dir, &err), 2);
	broken_folder_after = 3;
	assert_int_equal(nginx_tree_files(dir, &err), -1);
	assert_int_equal(err.sys, EIO);
}

static void count(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
}

/* What was not seen is not known to be absent. */
static void test_attempts_in_the_cage(void **state)
{
	(void)state;
	int seen = 0;

	make("one", 0600);
	make("two", 0600);
	assert_int_equal(probe_list(folder, count, &seen), 2);
	assert_int_equal(seen, 2);
	broken_folder_after = 3;
	assert_int_equal(probe_list(folder, count, &seen), -1);
	assert_int_equal(errno, EIO);
}

/* ---- interfaces, beside a table that the kernel does not know ---- */

int net_table_put(struct net_table *t, const char *set, const char *element, bool is_in,
		  struct err *err)
{
	(void)t;
	(void)set;
	(void)element;
	(void)is_in;
	(void)err;
	return 0;
}

int net_table_each(struct net_table *t, const char *set,
		   void (*each)(const char *value, uint64_t packets, uint64_t bytes, void *arg),
		   void *arg, struct err *err)
{
	(void)t;
	(void)set;
	(void)each;
	(void)arg;
	(void)err;
	return 0;
}

static void test_interfaces(void **state)
{
	(void)state;
	struct net_table t = { 0 };
	struct err err = { 0 };

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		skip();		/* it takes a namespace of the test's own */
	CLOSE_AT_EXIT int host = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);

	if (host < 0 || write(host, "0", 1) < 0)
		skip();		/* where /proc/sys cannot be written */
	assert_int_equal(forward_open(&t, &err), 0);
	broken_folder_after = 0;
	assert_int_equal(forward_open(&t, &err), -1);
	assert_int_equal(err.sys, EIO);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_versions_of_php),
		CASE(test_files_of_nginx),
		CASE(test_attempts_in_the_cage),
		CASE(test_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
