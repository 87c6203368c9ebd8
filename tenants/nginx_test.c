/* SPDX-License-Identifier: Apache-2.0 */
/* Running `nginx -t` and reading what it says. */
#include "tenants/nginx_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/name.h"
#include "tenants/base_tree.h"
#include "tenants/ledger.h"

#define LINE_ROOM 1024
#define CONFLICT "conflicting server name \""

/* What nginx -t does as root: opens logs, binds ports, owns its temporary
 * folders.  Not the mounts that were made for it. */
static const cap_value_t caps[] = {
	CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER,
};

/* ---- output ---- */

static const char *hint(const char *line)
{
	if (strstr(line, "duplicate default server"))
		return "; another file has a default_server for this address: take that word out "
		       "there (Debian: remove /etc/nginx/sites-enabled/default)";
	if (strstr(line, "is duplicate"))
		return "; take the directive out of the other file";
	return "; correct nginx's configuration and repeat the command";
}

void nginx_output_line(struct nginx_output *o, const char *line,
		       int (*is_ours)(const char *host, void *arg), void *arg)
{
	char host[SITE_MAX];
	const char *conflict = strstr(line, CONFLICT);
	const char *emerg = strstr(line, "[emerg] ");

	if (o->first[0] == '\0')
		(void)snprintf(o->first, sizeof(o->first), "%s", line);
	if (o->why.code != 0)
		return;
	if (emerg) {
		(void)err_set(&o->why, ERR_NGINX, "nginx refused it: %.400s%s", emerg + 8,
			      hint(line));
		return;
	}
	if (!conflict)
		return;
	conflict += strlen(CONFLICT);
	if (str_format(host, sizeof(host), "%.*s", (int)strcspn(conflict, "\""), conflict) == 0 &&
	    is_ours(host, arg))
		(void)err_set(&o->why, ERR_CONFLICT, "host name '%s' is served already by a file "
			      "of nginx that is not tenantd's", host);
}

/* True if the ledger has a claim of this name. */
static int is_claimed(const char *host, void *arg)
{
	struct err none = { 0 };

	return name_check(host, &none) == 0 &&
	       faccessat(*(const int *)arg, host, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void take_bytes(struct nginx_output *o, char *line, size_t *used, const char *bytes,
		       size_t size, int hosts)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != '\n') {
			if (*used < LINE_ROOM - 1)	/* the rest of a long line is lost */
				line[(*used)++] = bytes[i];
			continue;
		}
		line[*used] = '\0';
		nginx_output_line(o, line, is_claimed, &hosts);
		*used = 0;
	}
}

/* ---- the child ---- */

static _Noreturn void child_fail(const char *what)
{
	/* In nginx's own form: the parent reads it like nginx's words. */
	dprintf(2, "nginx: [emerg] tenant-nginx: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Links to the files, in a folder that is gone with the mount namespace. */
static void lay_files(const char *sites, const char *staged, const struct nginx_changed *changed)
{
	char from[SETTING_TEXT_MAX + 96];
	char to[SETTING_TEXT_MAX + 96];

	if (mount("tmpfs", sites, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=1m") < 0)
		child_fail("make a folder of the changed files");
	for (size_t i = 0; i < changed->count; i++) {
		(void)snprintf(from, sizeof(from), "%s/%s", staged, changed->file[i]);
		(void)snprintf(to, sizeof(to), "%s/%s", sites, changed->file[i]);
		if (symlink(from, to) < 0)
			child_fail("link a changed file");
	}
}

static void lay_tree(const struct settings *s, const struct nginx_changed *changed)
{
	char sites[SETTING_TEXT_MAX + 32];
	char staged[SETTING_TEXT_MAX + 32];

	(void)snprintf(sites, sizeof(sites), "%s/%s/%s", s->state_dir, NGINX_DIR, NGINX_SITES);
	(void)snprintf(staged, sizeof(staged), "%s/%s/%s", s->state_dir, NGINX_DIR, NGINX_STAGED);
	if (unshare(CLONE_NEWNS) < 0)
		child_fail("make a mount namespace");
	/* Private first, or the mount would show in the host's namespace. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		child_fail("make the mounts private");
	if (changed->count > 0)
		lay_files(sites, staged, changed);
	else if (mount(staged, sites, NULL, MS_BIND, NULL) < 0)
		child_fail("bind the staged tree");
}

static _Noreturn void child(const struct settings *s, const struct nginx_changed *changed,
			    int output)
{
	const char *const args[] = { s->nginx_program, "-t", "-e", "stderr", "-c", s->nginx_conf,
				     "-p", s->nginx_prefix, NULL };
	char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
			      (char[]){ "LC_ALL=C" }, NULL };
	struct err err = { 0 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(1);
	if (changed)
		lay_tree(s, changed);
	if (caps_keep(caps, ARRAY_SIZE(caps), &err) < 0)
		child_fail("give up capabilities");
	(void)execve(s->nginx_program, (char *const *)(uintptr_t)args, env);
	child_fail("start nginx");
}

/* ---- the parent ---- */

/* Reads until the child has closed its end or the time is over. */
static int read_output(int fd, int hosts, struct nginx_output *o, struct err *err)
{
	int64_t end = loop_now_ms() + NGINX_TEST_LIMIT_S * 1000;
	char line[LINE_ROOM];
	char bytes[4096];
	size_t used = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - loop_now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "wait for nginx -t");
		if (n == 0)
			return err_set(err, ERR_NGINX, "nginx -t did not end within %d s",
				       NGINX_TEST_LIMIT_S);
		ssize_t got = read(fd, bytes, sizeof(bytes));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "read what nginx -t says");
		if (got == 0)
			break;
		take_bytes(o, line, &used, bytes, (size_t)got, hosts);
	}
	take_bytes(o, line, &used, "\n", used > 0, hosts);
	return 0;
}

/* The child has closed its output, so it ends at once; else it is ended. */
static int reap(pid_t pid, int *out_status)
{
	CLOSE_AT_EXIT int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0 || poll(&p, 1, 2000) <= 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, out_status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

static int judge(struct nginx_output *o, int status, struct err *err)
{
	if (o->why.code != 0) {
		*err = o->why;
		return -1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, ERR_NGINX, "nginx -t failed: %s",
		       o->first[0] ? o->first : "it said nothing");
}

int nginx_test(const struct settings *s, const struct nginx_changed *changed, struct err *err)
{
	struct nginx_output output = { 0 };
	int ends[2] = { -1, -1 };
	int status = 0;
	CLOSE_AT_EXIT int hosts = base_tree_open(s->state_dir, LEDGER_DIR "/" LEDGER_HOSTS, err);

	if (hosts < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe");
	CLOSE_AT_EXIT int from = ends[0];
	CLOSE_AT_EXIT int to = ends[1];
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(err, "fork for nginx -t");
	if (pid == 0)
		child(s, changed, to);
	fd_close(&to);
	int rc = read_output(from, hosts, &output, err);

	if (rc < 0)
		(void)kill(pid, SIGKILL);
	if (reap(pid, &status) < 0)
		return err_sys(err, "wait for nginx -t");
	return rc < 0 ? -1 : judge(&output, status, err);
}
