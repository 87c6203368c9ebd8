/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the mailer and waiting for it. */
#include "daemon/mail/mail_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "schema/errors.h"

enum { BEFORE = 5 };	/* program -i -f SENDER -- */

static void on_exit_of(void *owner, uint32_t events)
{
	struct mail_run *r = owner;
	char said[MAIL_SAID_MAX] = "";
	int status = 0;

	(void)events;
	pid_t rc = waitpid(r->pid, &status, WNOHANG);

	if (rc == 0 || (rc < 0 && errno == EINTR))
		return;
	/* Without waiting: a child of the mailer may hold the other end. */
	ssize_t n = read(r->said, said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = '\0';
	loop_watch_stop(r->loop, &r->watch);
	fd_close(&r->watch.fd);
	fd_close(&r->said);
	r->pid = 0;
	r->on_end(r->owner, rc < 0 ? -1 : status, said);
}

static int launch(struct mail_run *r, const char *program, char *const *argv, int message, int out,
		  struct err *err)
{
	static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					     (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int rc = 0;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attributes);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, message, STDIN_FILENO);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	rc = rc ? rc : posix_spawnattr_setsigmask(&attributes, &none);
	rc = rc ? rc : posix_spawnattr_setsigdefault(&attributes, &all);
	/* A session of its own, so that all it started can be killed. */
	rc = rc ? rc : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	rc = rc ? rc : posix_spawn(&r->pid, program, &actions, &attributes, argv, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	errno = rc;
	return rc ? err_sys(err, "start the mailer '%s' (see the setting mailer)", program) : 0;
}

int mail_run_start(struct mail_run *r, const char *program, const char *sender,
		   const struct mail_addresses *to, int message, struct err *err)
{
	char *argv[BEFORE + MAIL_RECIPIENTS_MAX + 1] = {
		(char *)(uintptr_t)program, (char *)"-i", (char *)"-f", (char *)(uintptr_t)sender,
		(char *)"--" };
	int ends[2];

	for (size_t i = 0; i < to->count; i++)
		argv[BEFORE + i] = (char *)(uintptr_t)to->at[i];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe for the mailer");
	CLOSE_AT_EXIT int said = ends[0];
	CLOSE_AT_EXIT int out = ends[1];

	if (fcntl(said, F_SETFL, O_NONBLOCK) < 0 || lseek(message, 0, SEEK_SET) < 0)
		return err_sys(err, "prepare the mailer's input and output");
	if (launch(r, program, argv, message, out, err) < 0)
		return -1;
	r->watch = (struct loop_watch){ .on_event = on_exit_of, .owner = r,
					.fd = (int)syscall(SYS_pidfd_open, r->pid, 0) };
	if (r->watch.fd < 0 || loop_watch_set(r->loop, &r->watch, EPOLLIN, err) < 0) {
		fd_close(&r->watch.fd);
		mail_run_kill(r);
		(void)waitpid(r->pid, NULL, 0);
		r->pid = 0;
		return err_set(err, ERR_SYSTEM, "cannot watch the mailer");
	}
	r->said = fd_take(&said);
	return 0;
}

void mail_run_kill(struct mail_run *r)
{
	if (r->pid > 0) {
		(void)kill(-r->pid, SIGKILL);
		(void)kill(r->pid, SIGKILL);	/* before it had its session */
	}
}
