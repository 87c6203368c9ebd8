/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that strangers send: their closing holds up nobody else, however long it takes.
 * Threads are counted, and some closes wait for a word of the test's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/closers.h"
#include "base/fd.h"

#define SLOW 7			/* the sender whose closes wait */
#define PATIENCE_MS 20000

static atomic_uint threads;		/* started so far */
static atomic_bool is_held;
static ino_t slow_file;			/* whose close waits while that is so */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *arg)
{
	/* ISO C has no cast from an object's address to a function's. */
	union {
		void *symbol;
		int (*call)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	} next = { dlsym(RTLD_NEXT, "pthread_create") };

	threads++;
	return next.call(thread, attributes, run, arg);
}

int close(int fd)
{
	struct stat st;

	while (is_held && fstat(fd, &st) == 0 && st.st_ino == slow_file)
		(void)sched_yield();
	return (int)syscall(SYS_close, fd);
}

/* ---- slow closes ---- */

struct channel {
	int ours, theirs;	/* of the sender's channel */
	int reads, writes;	/* a pipe, whose end says that all that were sent are closed */
};

static void open_channel(struct channel *c)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    ends), 0);
	c->ours = ends[0];
	c->theirs = ends[1];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	c->reads = ends[0];
	c->writes = ends[1];
}

/* COUNT descriptors in one message; what comes of it. */
static ssize_t send_some(struct channel *c, uint32_t sender, size_t count)
{
	int fds[FD_SEND_MAX];
	size_t none = 0;
	char byte = 0;

	for (size_t i = 0; i < count; i++)
		fds[i] = c->writes;
	assert_int_equal(fd_send(c->theirs, "x", 1, fds, count), 0);
	return fd_receive_from(sender, c->ours, &byte, 1, NULL, &none);
}

static void wait_until_closed(struct channel *c)
{
	struct pollfd p = { .fd = c->reads };

	fd_close(&c->writes);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	fd_close(&c->reads);
	fd_close(&c->ours);
	fd_close(&c->theirs);
}

/* A message of four bytes must not cost hundreds of threads. */
static void test_thread_of_a_message(void **state)
{
	struct channel c;

	(void)state;
	open_channel(&c);
	threads = 0;
	assert_int_equal(send_some(&c, 1, FD_SEND_MAX), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(threads, 1);
	wait_until_closed(&c);
}

static void test_slow_sender(void **state)
{
	struct channel slow, other;
	struct stat st;
	size_t none = 0, sent = 0;
	char byte = 0;

	(void)state;
	open_channel(&slow);
	open_channel(&other);
	assert_int_equal(fstat(slow.writes, &st), 0);
	slow_file = st.st_ino;
	is_held = true;
	threads = 0;
	for (; !closers_are_full(SLOW); sent += FD_SEND_MAX)
		assert_int_equal(send_some(&slow, SLOW, FD_SEND_MAX), -1);
	assert_int_equal(sent, CLOSERS_FDS_OF_ONE);
	assert_int_equal(threads, CLOSERS_OF_ONE);

	/* No more of his is taken, and others wait for nothing. */
	assert_int_equal(send_some(&slow, SLOW, 1), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(send_some(&other, SLOW + 1, FD_SEND_MAX), -1);
	assert_int_equal(errno, EMSGSIZE);
	wait_until_closed(&other);

	is_held = false;
	for (time_t until = time(NULL) + PATIENCE_MS / 1000;
	     closers_are_full(SLOW) && time(NULL) < until;)
		(void)sched_yield();
	assert_int_equal(fd_receive_from(SLOW, slow.ours, &byte, 1, NULL, &none), -1);
	assert_int_equal(errno, EMSGSIZE);
	wait_until_closed(&slow);
}

/* Who is trusted is not held up by another who is. */
static void test_trusted_sender(void **state)
{
	struct channel c;
	struct stat st;

	(void)state;
	open_channel(&c);
	assert_int_equal(fstat(c.writes, &st), 0);
	slow_file = st.st_ino;
	is_held = true;
	while (!closers_are_full(0))
		assert_int_equal(send_some(&c, 0, FD_SEND_MAX), -1);
	assert_int_equal(send_some(&c, 0, 0), 1);
	is_held = false;
	wait_until_closed(&c);
}

/* Behind the sender's threads waits only a connection with something in it. */
static void test_caller(void **state)
{
	struct channel slow;
	struct stat st;
	int sent = -1, pair[2];

	(void)state;
	open_channel(&slow);
	assert_int_equal(fstat(slow.writes, &st), 0);
	slow_file = st.st_ino;
	is_held = true;
	for (int i = 0; i < CLOSERS_OF_ONE; i++)
		assert_int_equal(send_some(&slow, SLOW, 1), -1);
	for (int has_some = 0; has_some < 2; has_some++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		assert_int_equal(fd_send(pair[0], "x", 1, &slow.reads, (size_t)has_some), 0);
		sent = pair[1];
		fd_close_caller(SLOW, &pair[1]);
		assert_int_equal(pair[1], -1);
		assert_int_equal(fcntl(sent, F_GETFD), has_some ? FD_CLOEXEC : -1);
		/* What waits takes nothing more. */
		assert_int_equal(fd_send(pair[0], "x", 1, &slow.reads, 1), -1);
		assert_int_equal(errno, EPIPE);
		(void)close(pair[0]);
	}
	is_held = false;
	wait_until_closed(&slow);
}

/* ---- TCP ---- */

#define LINGER_S 60

/* A socket with data that nobody reads, and a close that waits for it. */
static int lingering(int *out_server)
{
	const struct linger wait = { .l_onoff = 1, .l_linger = LINGER_S };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	static char much[65536];
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*out_server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*out_server, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(*out_server, 1), 0);
	assert_int_equal(getsockname(*out_server, (struct sockaddr *)&at, &size), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&at, size), 0);
	while (send(client, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait)), 0);
	return client;
}

/* Neither a descriptor that was received holds us up, nor one that lies unread in a socket. */
static void test_lingering(void **state)
{
	(void)state;
	for (int is_received = 0; is_received < 2; is_received++) {
		struct timespec before, after;
		size_t none = 0;
		char byte = 0;
		int pair[2], server = -1;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		int client = lingering(&server);

		assert_int_equal(fd_send(pair[0], "x", 1, &client, 1), 0);
		(void)close(client);
		(void)close(pair[0]);
		(void)clock_gettime(CLOCK_MONOTONIC, &before);
		if (is_received)
			assert_int_equal(fd_receive_from(1, pair[1], &byte, 1, NULL, &none), -1);
		fd_close_strange(1, &pair[1]);
		assert_int_equal(pair[1], -1);
		(void)clock_gettime(CLOCK_MONOTONIC, &after);
		assert_true(after.tv_sec - before.tv_sec < LINGER_S);
		/* With it what the client sent is refused, and its close has ended. */
		(void)close(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_of_a_message),
		cmocka_unit_test(test_slow_sender),
		cmocka_unit_test(test_trusted_sender),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_lingering),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
