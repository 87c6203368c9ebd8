/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's log is read by nobody for whom there is no room to note how far: on a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/visits.h"

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	(void)str_copy(folder, sizeof(folder), "/tmp/visits.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	(void)umount2(folder, MNT_DETACH);	/* where it was mounted */
	return rmdir(folder);
}

/* Takes all the room there is. */
static void fill(int dir)
{
	CLOSE_AT_EXIT int fd = openat(dir, "full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char page[4096] = "";

	while (write(fd, page, sizeof(page)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
}

static void test_full_disk(void **state)
{
	static struct place place;
	static struct pools pools;
	struct log_link l = { .place = &place, .pools = &pools };
	struct log_message m = { 0 };
	int ends[2], fds[3] = { -1, -1, -1 };
	size_t count = ARRAY_SIZE(fds);

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		skip();		/* it takes a small disk of the test's own */
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", folder, "tmpfs", 0, "size=64k"), 0);
	place.log_dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place.log_dir >= 0);
	CLOSE_AT_EXIT int log = openat(place.log_dir, "access.log", O_WRONLY | O_CREAT | O_CLOEXEC,
				       0600);

	assert_true(log >= 0);
	fill(place.log_dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    ends), 0);
	l.sock = ends[0];
	l.look.owner = &l;
	assert_int_equal(visits_send(&l), 0);
	assert_int_equal(fd_receive(ends[1], &m, sizeof(m), fds, &count), -1);
	assert_int_equal(errno, EAGAIN);

	assert_int_equal(unlinkat(place.log_dir, "full", 0), 0);
	visits_reset(&l);
	assert_int_equal(visits_send(&l), 0);
	count = ARRAY_SIZE(fds);
	assert_int_equal(fd_receive(ends[1], &m, sizeof(m), fds, &count), sizeof(m));
	assert_int_equal(m.verb, LOG_STREAM);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	fd_close(&place.log_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
