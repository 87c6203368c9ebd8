/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's pipes are held by this process alone; when it goes, the channel
 * hangs up and tenantd kills the command.  What comes may be written by an
 * attacker: on a terminal no control character passes.
 */
#include "admin-cli/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin-cli/clean.h"
#include "admin-cli/connection.h"
#include "admin-cli/request.h"
#include "base/fd.h"
#include "schema/errors.h"
#include "schema/wire.h"

enum { TO_IN, FROM_OUT, FROM_ERROR, CHANNEL, FDS };

#define PIECE 65536

struct run {
	int fd[FDS];
	struct clean_part out, error;	/* of a terminal */
	bool is_input_over;
	char input[PIECE];		/* on its way to the command */
	size_t begin, end_at;
	bool has_end;
	struct wire_exec_end end;
};

/* To a terminal goes what it does not act upon. */
static bool put_clean(struct clean_part *part, const char *data, size_t size, int to)
{
	struct text out = { 0 };

	if (size > 0)
		clean_add_piece(&out, part, data, size);
	else
		clean_add_rest(&out, part);
	bool is_put = !out.failed && (out.size == 0 || fd_write_full(to, out.data, out.size) == 0);

	text_free(&out);
	return is_put;
}

/* Copies what is there from one to the other.  False: that way is closed. */
static bool copy(int from, struct clean_part *part, int to)
{
	static char data[PIECE];
	ssize_t n = read(from, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (isatty(to))
		return put_clean(part, data, n > 0 ? (size_t)n : 0, to) && n > 0;
	return n > 0 && fd_write_full(to, data, (size_t)n) == 0;
}

/* Takes input while there is none to be passed on. */
static void take_input(struct run *r)
{
	ssize_t n = read(STDIN_FILENO, r->input, sizeof(r->input));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	r->begin = 0;
	r->end_at = n > 0 ? (size_t)n : 0;
	r->is_input_over = n <= 0;
}

/* Passes on what the command takes now: one that writes first is not waited for. */
static void pass_input(struct run *r)
{
	ssize_t n = write(r->fd[TO_IN], r->input + r->begin, r->end_at - r->begin);

	if (n > 0)
		r->begin += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		fd_close(&r->fd[TO_IN]);
}

static void hear(struct run *r)
{
	size_t no_fds = 0;
	ssize_t n = fd_receive(r->fd[CHANNEL], &r->end, sizeof(r->end), NULL, &no_fds);

	r->has_end = n == sizeof(r->end) && str_is_terminated(r->end.text, sizeof(r->end.text));
	fd_close(&r->fd[CHANNEL]);
}

/* Until the command has ended and all it wrote is here. */
static int relay(struct run *r, struct err *err)
{
	while (r->fd[FROM_OUT] >= 0 || r->fd[FROM_ERROR] >= 0 || r->fd[CHANNEL] >= 0) {
		bool is_waiting = r->begin < r->end_at;

		if (!is_waiting && r->is_input_over)
			fd_close(&r->fd[TO_IN]);
		/* An error is waited for always, so that input ends with the command. */
		struct pollfd p[] = {
			{ .fd = r->fd[TO_IN] >= 0 && !is_waiting ? STDIN_FILENO : -1,
			  .events = POLLIN },
			{ .fd = r->fd[FROM_OUT], .events = POLLIN },
			{ .fd = r->fd[FROM_ERROR], .events = POLLIN },
			{ .fd = r->fd[CHANNEL], .events = POLLIN },
			{ .fd = r->fd[TO_IN], .events = is_waiting ? POLLOUT : 0 },
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_sys(err, "wait for the command");
		if (p[0].revents)
			take_input(r);
		if (p[4].revents & POLLERR)
			fd_close(&r->fd[TO_IN]);
		else if (p[4].revents)
			pass_input(r);
		if (p[1].revents && !copy(r->fd[FROM_OUT], &r->out, STDOUT_FILENO))
			fd_close(&r->fd[FROM_OUT]);
		if (p[2].revents && !copy(r->fd[FROM_ERROR], &r->error, STDERR_FILENO))
			fd_close(&r->fd[FROM_ERROR]);
		if (p[3].revents)
			hear(r);
	}
	return 0;
}

static int tell(const struct run *r, int *out_status, struct err *err)
{
	if (!r->has_end)
		return err_set(err, ERR_NO_DAEMON, "the command was killed: tenantd ended or was "
			       "restarted meanwhile");
	if (r->end.text[0])
		return err_set(err, ERR_JAIL, "%s", r->end.text);
	if (r->end.is_late)
		return err_set(err, ERR_FAILED, "the command was killed: its time was over; give "
			       "it more by --limit");
	*out_status = r->end.status & 0xff;
	return 0;
}

int exec_run(const struct args *a, const char *socket, int *out_status, struct text *out,
	     struct err *err)
{
	static struct run r = { .fd = { -1, -1, -1, -1 } };
	struct text path = { 0 };
	json_t *json = NULL;

	if (request_body(&json, a, err) < 0)
		return -1;
	char *body = json_dumps(json, JSON_COMPACT);

	request_path(&path, a);
	(void)signal(SIGPIPE, SIG_IGN);		/* a closed output is seen by its error */
	int rc = !body || path.failed ? err_set(err, ERR_USAGE, "the arguments are too long") :
		 connection_handover(socket, path.data, body, r.fd, FDS, out, err);

	if (rc == 0 && fcntl(r.fd[TO_IN], F_SETFL, O_NONBLOCK) < 0)
		rc = err_sys(err, "set up the command's input");
	if (rc == 0)
		rc = relay(&r, err);
	if (rc == 0)
		rc = tell(&r, out_status, err);
	for (int i = 0; i < FDS; i++)
		fd_close(&r.fd[i]);
	free(body);
	json_decref(json);
	text_free(&path);
	return rc;
}
