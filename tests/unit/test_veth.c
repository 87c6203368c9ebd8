/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links are found by name while others come and go, as they do when cages end: no answer to
 * one request is taken for that to another.  In network namespaces of its own.
 */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/netlink.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/net/veth.h"

#define LINKS 60		/* a listing of so many does not fit one answer */
#define LOOKS 200
#define ADDRESS 0xc6120004u	/* 198.18.0.4, in /proc/net/route 040012C6 */
#define ADDRESS_TEXT "040012C6"

/* A netlink socket of a new namespace; we stay in the host's. */
static int jail_socket(int host)
{
	int jail = unshare(CLONE_NEWNET) < 0 ? -1 :
		   socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return setns(host, CLONE_NEWNET) < 0 ? -1 : jail;
}

static void make(struct veth *v, int host, const char *name, uint32_t address)
{
	struct err err = { 0 };
	int jail = jail_socket(host);

	assert_true(jail >= 0);
	if (veth_make(v, name, address, jail, &err) < 0)
		fail_msg("%s", err.text);
	/* It stays open: with it the namespace, and the link. */
}

/* Others' links that come and go without end. */
static pid_t churn(int host)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct veth v = { 0 };
	struct err err = { 0 };
	int jail = jail_socket(host);

	if (veth_open(&v, &err) < 0)
		_exit(1);
	for (;;)
		if (veth_make(&v, "churn", ADDRESS - 1, jail, &err) < 0 ||
		    veth_remove(&v, "churn", &err) < 0)
			_exit(1);
}

static void count(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
}

/* Where the one address is routed to. */
static void read_route(char out[32])
{
	FILE *f = fopen("/proc/thread-self/net/route", "r");
	char line[256], to[32];

	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %31s", out, to) == 2 && strcmp(to, ADDRESS_TEXT) == 0)
			break;
	(void)fclose(f);
}

static void test_others_come_and_go(void **state)
{
	(void)state;
	struct veth v = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (unshare(CLONE_NEWNET) < 0) {
		(void)fputs("skipped: needs root, for network namespaces\n", stderr);
		skip();
	}
	int host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_int_equal(veth_open(&v, &err), 0);
	for (uint32_t i = 0; i < LINKS; i++) {
		char name[16];

		(void)str_format(name, sizeof(name), "tn%u", i);
		make(&v, host, name, ADDRESS + i);
	}
	pid_t other = churn(host);

	for (int i = 0; i < LOOKS; i++) {
		int links = 0;
		char to[32];

		if (veth_each(&v, count, &links, &err) < 0 ||
		    veth_keep(&v, "tn0", ADDRESS, &err) < 0)
			fail_msg("look %d: %s", i, err.text);
		assert_true(links >= LINKS);
		read_route(to);
		assert_string_equal(to, "tn0");
	}
	/* Others did come and go all the while. */
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	(void)kill(other, SIGKILL);
	(void)waitpid(other, &status, 0);
	veth_close(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
