/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-exec: runs an administrator's command in a tenant's cage.  Started by
 * tenant-jail in place of the pool, as pid 1 of the cage and as the tenant, with
 * the pool's descriptors: 3 is standard input, 4 the sealed struct wire_exec,
 * 6 standard output, 7 the workers' filter.  The command gets the filter of a
 * worker that may start programs; this process waits for it and for whatever it
 * leaves behind, and its own end takes all of that along.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/filter.h"
#include "schema/errors.h"
#include "schema/pool_spec.h"
#include "schema/wire.h"

#define STATUS_FAILED 125	/* nothing was started */
#define STATUS_NO_EXEC 126
#define STATUS_NO_PROGRAM 127

static int fail(const char *what)
{
	(void)fprintf(stderr, "tenant-exec: %s: %s\n", what, strerror(errno));
	return STATUS_FAILED;
}

static int take_words(struct wire_exec *what, char *argv[EXEC_WORDS_MAX + 1])
{
	struct err err = { 0 };
	char *at = what->words;

	if (pread(POOL_FD_SPEC, what, sizeof(*what), 0) != sizeof(*what))
		return fail("read the command");
	if (wire_exec_check(what, &err) < 0) {
		(void)fprintf(stderr, "tenant-exec: %s\n", err.text);
		return STATUS_FAILED;
	}
	for (uint32_t i = 0; i < what->count; i++, at += strlen(at) + 1)
		argv[i] = at;
	argv[what->count] = NULL;
	return 0;
}

/* As after a login: a script finds its home. */
static int go_home(void)
{
	const struct passwd *own = getpwuid(getuid());

	if (!own)
		return fail("look up the own user");
	if (setenv("HOME", own->pw_dir, 1) < 0 || setenv("USER", own->pw_name, 1) < 0 ||
	    setenv("LOGNAME", own->pw_name, 1) < 0)
		return fail("set the environment");
	return chdir(own->pw_dir) < 0 ? fail(own->pw_dir) : 0;
}

static int place_descriptors(void)
{
	if (dup2(POOL_FD_LISTENER, STDIN_FILENO) < 0 || dup2(POOL_FD_LOG, STDOUT_FILENO) < 0)
		return fail("place the descriptors");
	/* The first process keeps none, so that their ends are the command's. */
	if (close_range(POOL_FD_LISTENER, POOL_FD_FILTER - 1, 0) < 0 ||
	    close_range(POOL_FD_FILTER + 1, ~0U, 0) < 0)
		return fail("close the other descriptors");
	return 0;
}

static _Noreturn void become(char **argv)
{
	struct err err = { 0 };

	if (filter_load(&err) < 0) {
		(void)fprintf(stderr, "tenant-exec: %s\n", err.text);
		_exit(STATUS_FAILED);
	}
	(void)execvp(argv[0], argv);
	int status = errno == ENOENT ? STATUS_NO_PROGRAM : STATUS_NO_EXEC;

	(void)fprintf(stderr, "tenant-exec: start '%s': %s\n", argv[0], strerror(errno));
	_exit(status);
}

/* Reaps also what the command left behind. */
static int wait_for(pid_t command)
{
	int status = 0;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0 && errno != EINTR)
			return fail("wait for the command");
		if (pid == command)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

int main(void)
{
	static struct wire_exec what;
	static char *argv[EXEC_WORDS_MAX + 1];
	int rc = take_words(&what, argv);

	if (rc == 0 && !filter_is_given()) {
		(void)fputs("tenant-exec: the filter of the workers is missing\n", stderr);
		return STATUS_FAILED;
	}
	if (rc == 0)
		rc = go_home();
	if (rc == 0)
		rc = place_descriptors();
	if (rc != 0)
		return rc;
	pid_t pid = fork();

	if (pid < 0)
		return fail("start a process");
	if (pid == 0)
		become(argv);
	(void)close(POOL_FD_FILTER);
	/* Output ends when the command's does, not when this process does. */
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	return wait_for(pid);
}
