/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, signalling and watching nginx. */
#include "tenants/nginx_master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/vhost.h"

#define MASTER_TITLE "nginx: master process"
#define WORKER_TITLE "nginx: worker process"
#define ANSWER_LIMIT_S 1
#define PAUSE_MS 10

/* ---- /proc ---- */

/* Reads the beginning of a file of /proc; "" if the process has gone. */
static void read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
}

static bool is_root(pid_t pid)
{
	char status[2048];

	read_proc(pid, "status", status, sizeof(status));
	const char *uid = strstr(status, "\nUid:\t");

	return uid && strncmp(uid, "\nUid:\t0\t0\t0\t0", 13) == 0;
}

/* nginx writes its role over its arguments.  A worker that finishes its last
 * requests says so behind the words. */
static bool has_title(pid_t pid, const char *title, bool is_whole)
{
	char line[256];
	size_t n = strlen(title);

	read_proc(pid, "cmdline", line, sizeof(line));
	return strncmp(line, title, n) == 0 &&
	       (!is_whole || line[n + strspn(line + n, " ")] == '\0');
}

/* ---- the master ---- */

static int read_pid(const char *path, pid_t *out)
{
	char text[32] = "";
	uint64_t number = 0;
	struct stat st;
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	/* Whoever else could write it could have us signal anything. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & 022))
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (str_number(text, INT32_MAX, &number) < 0 || number < 2)
		return -1;
	*out = (pid_t)number;
	return 0;
}

int nginx_master_find(const struct settings *s, struct nginx_master *out, struct err *err)
{
	pid_t pid = 0;
	CLOSE_AT_EXIT int pidfd = read_pid(s->nginx_pid, &pid) < 0 ? -1 :
				  (int)syscall(SYS_pidfd_open, pid, 0);

	/* Looked at through /proc after the descriptor is held: if it dies now,
	 * the signal fails instead of reaching its successor. */
	if (pidfd < 0 || !is_root(pid) || !has_title(pid, MASTER_TITLE, false))
		return err_set(err, ERR_NGINX, "nginx is not running (no live process in '%s'); "
			       "start it: systemctl start nginx, or '%s' -c '%s'", s->nginx_pid,
			       s->nginx_program, s->nginx_conf);
	*out = (struct nginx_master){ .pidfd = fd_take(&pidfd), .pid = pid };
	return 0;
}

void nginx_master_close(struct nginx_master *m)
{
	fd_close(&m->pidfd);
}

void nginx_master_note(struct nginx_master *m)
{
	char name[48];
	char list[NGINX_WORKERS_MAX * 12];
	char *next = list;

	/* Kernels without CONFIG_PROC_CHILDREN: nobody is noted, and the revision
	 * alone tells that the new workers are there. */
	(void)snprintf(name, sizeof(name), "task/%d/children", m->pid);
	read_proc(m->pid, name, list, sizeof(list));
	m->workers = 0;
	while (m->workers < NGINX_WORKERS_MAX) {
		char *end = NULL;
		long pid = strtol(next, &end, 10);

		if (end == next)
			break;
		next = end;
		if (has_title((pid_t)pid, WORKER_TITLE, true))
			m->worker[m->workers++] = (pid_t)pid;
	}
}

int nginx_master_reload(const struct nginx_master *m, struct err *err)
{
	if (syscall(SYS_pidfd_send_signal, m->pidfd, SIGHUP, NULL, 0) < 0)
		return err_sys(err, "signal nginx, process %d", m->pid);
	return 0;
}

/* ---- the revision ---- */

static int connect_socket(const struct settings *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = ANSWER_LIMIT_S };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || str_format(a.sun_path, sizeof(a.sun_path), "%s/" VHOST_SOCKET,
				 s->run_dir) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return fd_take(&fd);
}

/* What nginx answers; false if it does not. */
static bool answers(const struct settings *s, uint32_t revision)
{
	static const char request[] = "GET / HTTP/1.0\r\nHost: tenantd.invalid\r\n\r\n";
	char answer[1024];
	size_t used = 0;
	uint64_t is = 0;
	CLOSE_AT_EXIT int fd = connect_socket(s);

	if (fd < 0 || send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return false;
	for (ssize_t n; used < sizeof(answer) - 1 &&
	     (n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0)) > 0;)
		used += (size_t)n;
	answer[used] = '\0';
	const char *body = strstr(answer, "\r\n\r\n");

	return body && str_number(body + 4, UINT32_MAX, &is) == 0 && is == revision;
}

static bool old_ones_accept(const struct nginx_master *m)
{
	for (size_t i = 0; i < m->workers; i++)
		if (has_title(m->worker[i], WORKER_TITLE, true))
			return true;
	return false;
}

int nginx_master_wait(const struct nginx_master *m, const struct settings *s, uint32_t revision,
		      int limit_ms, struct err *err)
{
	struct timespec now = { 0 };
	bool is_loaded = false;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + limit_ms;

	for (;;) {
		struct pollfd gone = { .fd = m->pidfd, .events = POLLIN };

		is_loaded = is_loaded || answers(s, revision);
		if (is_loaded && !old_ones_accept(m))
			return 0;
		if (poll(&gone, 1, PAUSE_MS) > 0)
			return err_set(err, ERR_NGINX, "nginx ended while it loaded revision %u; "
				       "see its error log and start it again", revision);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 > end)
			return 1;
	}
}

void nginx_master_clear_socket(const struct settings *s)
{
	char path[SETTING_TEXT_MAX + 32];
	CLOSE_AT_EXIT int fd = connect_socket(s);

	if (fd >= 0 || errno != ECONNREFUSED)
		return;
	if (str_format(path, sizeof(path), "%s/" VHOST_SOCKET, s->run_dir) == 0)
		(void)unlink(path);	/* nginx says so if it cannot bind it */
}
