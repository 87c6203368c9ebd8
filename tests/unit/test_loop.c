/* SPDX-License-Identifier: Apache-2.0 */
/* Watches and timers that stop each other; descriptors from the manager. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/str.h"

static struct loop loop;
static struct loop_watch watch[2];
static int pipes[2][2];
static int calls;

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	calls = 0;
	return loop_init(&loop, &err) < 0 || pipe(pipes[0]) < 0 || pipe(pipes[1]) < 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		fd_close(&pipes[i / 2][i % 2]);
	loop_done(&loop);
	return 0;
}

/* Whichever is first takes the other one out. */
static void stop_other(void *owner, uint32_t events)
{
	(void)events;
	calls++;
	loop_watch_stop(&loop, owner == &watch[0] ? &watch[1] : &watch[0]);
}

static void test_stopped_in_the_same_batch(void **state)
{
	(void)state;
	struct err err = { 0 };

	for (int i = 0; i < 2; i++) {
		watch[i] = (struct loop_watch){ .fd = pipes[i][0], .on_event = stop_other,
						.owner = &watch[i] };
		assert_int_equal(loop_watch_set(&loop, &watch[i], EPOLLIN, &err), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
	}
	assert_int_equal(loop_run_once(&loop, &err), 0);
	assert_int_equal(calls, 1);
}

static void count(void *owner)
{
	(void)owner;
	calls++;
}

static struct loop_timer again;

static void set_again(void *owner)
{
	(void)owner;
	calls++;
	loop_timer_set(&loop, &again, 0);
}

static void test_timers(void **state)
{
	(void)state;
	struct err err = { 0 };
	struct loop_timer stopped = { .on_time = count }, moved = { .on_time = count };

	loop_timer_set(&loop, &stopped, 1);
	loop_timer_set(&loop, &moved, 1);
	loop_timer_set(&loop, &moved, 60000);
	loop_timer_stop(&loop, &stopped);
	loop_timer_stop(&loop, &stopped);
	again = (struct loop_timer){ .on_time = set_again };
	loop_timer_set(&loop, &again, 1);
	/* A timer that sets itself does not keep the loop from waiting. */
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(loop_run_once(&loop, &err), 0);
		assert_int_equal(calls, i);
	}
	assert_true(moved.is_set);
	loop_timer_stop(&loop, &again);
	loop_timer_stop(&loop, &moved);
	assert_null(loop.timers);
}

static void note_fd(int fd, const char *name, void *arg)
{
	struct text *t = arg;

	text_add(t, "%d=%s ", fd, name);
}

static void test_listen_fds(void **state)
{
	(void)state;
	struct text t = { 0 };
	char pid[16];

	(void)str_format(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	(void)setenv("LISTEN_FDNAMES", "t7:t12", 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(dup2(pipes[0][0], 3 + i), 3 + i);
	notify_take_fds(note_fd, &t);
	assert_string_equal(t.data, "3=t7 4=t12 5= ");
	assert_null(getenv("LISTEN_FDS"));
	text_free(&t);

	/* Meant for another process: an ancestor's environment. */
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	notify_take_fds(note_fd, &t);
	assert_null(t.data);
}

static void test_store_message(void **state)
{
	(void)state;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64] = "";
	int fd = -1;
	size_t fds = 1;
	struct err err = { 0 };

	/* Abstract, as systemd's may be. */
	(void)str_format(at.sun_path + 1, sizeof(at.sun_path) - 1, "notify-%d", (int)getpid());
	assert_int_equal(bind(server, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(at.sun_path + 1))), 0);
	at.sun_path[0] = '@';
	(void)setenv("NOTIFY_SOCKET", at.sun_path, 1);
	assert_int_equal(notify_send_fds("FDSTORE=1\nFDNAME=t7", &pipes[0][0], 1, &err), 0);
	assert_true(fd_receive(server, text, sizeof(text) - 1, &fd, &fds) > 0);
	assert_string_equal(text, "FDSTORE=1\nFDNAME=t7");
	assert_int_equal(fds, 1);
	fd_close(&fd);
	fd_close(&server);
	(void)unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send("READY=1", &err), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stopped_in_the_same_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listen_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store_message, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
