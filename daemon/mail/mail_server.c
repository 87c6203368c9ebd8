/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting connections, and reading a message each. */
#include "daemon/mail/mail_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/mail/mail_fields.h"
#include "daemon/mail/mail_peer.h"
#include "schema/errors.h"
#include "schema/events.h"

#define READ_AT_ONCE (128 * 1024)	/* in each look: 100 MiB come in the time that there is */

/* ---- pauses ---- */

static void want_pause(struct mail_server *s)
{
	if (!s->pause.is_set)
		loop_timer_set(&s->loop, &s->pause, MAIL_PAUSE_MS);
}

static void listen_on(struct mail_server *s)
{
	struct err err = { 0 };

	if (loop_watch_set(&s->loop, &s->listener, EPOLLIN | EPOLLONESHOT, &err) < 0) {
		log_event(DAEMON_ERROR, "program=tenant-mail error='%s'", err.text);
		want_pause(s);
	}
}

/* ---- reading ---- */

static void finish_err(struct mail_peer *p, const struct err *err)
{
	mail_peer_finish(p, err->code == ERR_SYSTEM ? MAIL_RESULT_BUSY : MAIL_RESULT_BAD,
			 err->text);
}

/* The hour is taken from only now, so that a message that breaks off costs none. */
static void on_whole(struct mail_peer *p)
{
	struct mail_count *row = mail_counts_row(&p->server->counts, p->number, mail_peer_now_s());
	char text[MAIL_TEXT_MAX];

	if (mail_counts_take(row, (uint32_t)p->reader.to.count, p->rule.per_hour) < 0) {
		(void)str_format(text, sizeof(text), "this site's mail may have %u recipients "
				 "within an hour, and had %u; try again later", p->rule.per_hour,
				 row->in_hour);
		mail_peer_finish(p, MAIL_RESULT_RATE, text);
		return;
	}
	loop_watch_stop(&p->server->loop, &p->watch);
	p->stage = MAIL_WAITING;
	loop_timer_set(&p->server->loop, &p->timer, MAIL_QUEUE_S * 1000);
	mail_peer_run_next(p->server);
}

static void put_identity(struct mail_peer *p)
{
	time_t now = time(NULL);
	struct tm parts = { 0 };
	char date[64] = "";

	if (localtime_r(&now, &parts))
		(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S %z", &parts);
	/* Site and host are bounded names, so it fits. */
	(void)str_format(p->identity, sizeof(p->identity),
			 "Received: by %s (tenantd) for site %s, tenant %u;\n\t%s\n"
			 MAIL_FIELD_IDENTITY ": %u %s\n",
			 p->server->host, p->rule.site, p->number, date, p->number, p->rule.site);
	p->reader.identity = p->identity;
}

/* Root's record of what this tenant may. */
static int load_rule(struct mail_peer *p, struct err *err)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", p->number);
	if (file_read_record(p->server->rules, name, &p->rule, sizeof(p->rule), err) < 0)
		return -1;
	if (p->rule.magic != MAIL_MAGIC || p->rule.version != MAIL_VERSION ||
	    p->rule.size != sizeof(p->rule) || p->rule.number != p->number ||
	    !str_is_terminated(p->rule.site, sizeof(p->rule.site)))
		return err_set(err, ERR_BAD_RECORD, "the mail rule of %u is not one of this "
			       "version", p->number);
	return 0;
}

static void answer_count(struct mail_peer *p)
{
	uint32_t number = p->reader.head.number;
	const struct mail_count *found = number == 0 ? NULL :
		mail_counts_find(&p->server->counts, number, mail_peer_now_s());
	struct mail_count row = { .number = number };

	if (found)
		row = *found;

	(void)send(p->watch.fd, &row, sizeof(row), MSG_DONTWAIT | MSG_NOSIGNAL);
	mail_peer_close(p);
}

/* The head is whole.  0, or -1 if the peer is gone. */
static int on_head(struct mail_peer *p)
{
	struct err err = { 0 };
	bool is_counting = p->reader.head.kind == MAIL_KIND_COUNT;

	if (p->number == 0 && is_counting) {
		answer_count(p);
		return -1;
	}
	if (mutant_is_off("mail-peer") && p->reader.head.number)
		p->number = p->reader.head.number;
	else if (p->number == 0 || is_counting || p->reader.head.number) {
		if (p->number == 0 ||
		    mail_peer_may_tell(mail_counts_row(&p->server->counts, p->number,
						       mail_peer_now_s())))
			log_event(PEER_REFUSED, "program=tenant-mail tenant=%u error='a head that "
				  "only others may send'", p->number);
		mail_peer_finish(p, MAIL_RESULT_BAD, "the head is not one of a site");
		return -1;
	}
	if (load_rule(p, &err) < 0) {
		if (mail_peer_may_tell(mail_counts_row(&p->server->counts, p->number,
						       mail_peer_now_s())))
			log_event(DAEMON_ERROR, "program=tenant-mail tenant=%u error='%s'",
				  p->number, err.text);
		mail_peer_finish(p, MAIL_RESULT_DENIED,
				 "this machine has no rule for mail of this site");
		return -1;
	}
	if (!p->rule.is_allowed) {
		mail_peer_finish(p, MAIL_RESULT_DENIED, "this site's plan does not allow mail");
		return -1;
	}
	p->file = tmpfile();
	if (!p->file || fcntl(fileno(p->file), F_SETFD, FD_CLOEXEC) < 0) {
		mail_peer_finish(p, MAIL_RESULT_BUSY,
				 "there is no room for the message; try again later");
		return -1;
	}
	p->reader.file = p->file;
	p->reader.size_max = p->rule.size_max;
	put_identity(p);
	return 0;
}

/* False if all room for large messages is taken, or the tenant's part of it; small
 * ones always have some. */
static bool hold(struct mail_peer *p)
{
	uint64_t now = p->reader.size > MAIL_HELD_FREE ? p->reader.size - MAIL_HELD_FREE : 0;
	uint64_t own = 0;

	p->server->held += now - p->held;
	p->held = now;
	for (const struct mail_peer *q = p->server->peers; q; q = q->next)
		own += q->number == p->number ? q->held : 0;
	return p->held == 0 ||
	       (p->server->held <= MAIL_HELD_MAX && own <= MAIL_HELD_OF_ONE);
}

static void look_again(struct mail_peer *p, bool is_now)
{
	struct err err = { 0 };

	p->is_paused = !is_now && !mutant_is_off("mail-pace");
	if (p->is_paused)
		want_pause(p->server);
	else if (loop_watch_set(&p->server->loop, &p->watch, EPOLLIN | EPOLLONESHOT, &err) < 0)
		finish_err(p, &err);
}

static void on_pause(void *owner)
{
	struct mail_server *s = owner;

	if (!s->is_ending)
		listen_on(s);
	for (struct mail_peer *p = s->peers, *next = NULL; p; p = next) {
		next = p->next;
		if (p->is_paused && p->stage == MAIL_READING)
			look_again(p, true);
	}
}

static void on_data(void *owner, uint32_t events)
{
	static char buffer[READ_AT_ONCE];
	struct mail_peer *p = owner;
	bool is_head = p->reader.part == MAIL_PART_HEAD;
	size_t want = is_head ? sizeof(p->reader.head) - p->reader.have : sizeof(buffer);
	size_t no_fds = 0;
	ssize_t n = fd_receive_from(p->number, p->watch.fd, buffer, want, NULL, &no_fds);
	struct err err = { 0 };

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		look_again(p, false);
		return;
	}
	if (n <= 0) {
		mail_peer_finish(p, MAIL_RESULT_BAD, "the message broke off");
		return;
	}
	if (mail_reader_take(&p->reader, buffer, (size_t)n, &err) < 0) {
		finish_err(p, &err);
		return;
	}
	if (is_head && p->reader.part != MAIL_PART_HEAD && on_head(p) < 0)
		return;
	if (!hold(p))
		mail_peer_finish(p, MAIL_RESULT_BUSY,
				 "there is no room for a large message now; try again "
		       "later");
	else if (p->reader.part == MAIL_PART_END)
		on_whole(p);
	else
		look_again(p, is_head && (size_t)n == want);	/* more comes with it */
}

/* ---- accepting ---- */

/* The number of the tenant; 0: root or tenant-control; -1: somebody else. */
static int64_t who(const struct mail_server *s, int fd)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -1;
	if (peer.uid == 0 || peer.uid == s->settings.control_uid)
		return 0;
	return peer.uid > s->settings.uid_base ? (int64_t)(peer.uid - s->settings.uid_base) : -1;
}

/* False if nobody waits. */
static bool take_caller(struct mail_server *s)
{
	CLOSE_AT_EXIT int fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return false;
	int64_t number = who(s, fd);
	struct mail_peer *p = number < 0 ? NULL : calloc(1, sizeof(*p));

	if (!p) {
		fd_close_caller(number < 0 ? UINT32_MAX : (uint32_t)number, &fd);
		return true;
	}
	*p = (struct mail_peer){ .server = s, .number = (uint32_t)number,
				 .watch = { .fd = fd_take(&fd), .on_event = on_data, .owner = p },
				 .timer = { .on_time = mail_peer_on_late, .owner = p } };
	size_t others = mail_peer_count(s, p->number, false);
	struct mail_peer **last = &s->peers;

	while (*last)
		last = &(*last)->next;
	*last = p;
	s->peer_count++;
	if (s->peer_count > MAIL_PEERS_MAX || (number > 0 && others >= MAIL_PEERS_OF_ONE)) {
		mail_peer_turn_away(p, "too many messages at once; try again later");
	} else {
		loop_timer_set(&s->loop, &p->timer, MAIL_RECEIVE_S * 1000);
		look_again(p, true);
	}
	return true;
}

static void on_connection(void *owner, uint32_t events)
{
	struct mail_server *s = owner;
	struct err err = { 0 };

	(void)events;
	/* As root has them now; a reload that is torn, or refused, leaves the old ones:
	 * uid_base says who a sender is. */
	(void)settings_refresh(s->run_dir, &s->settings, &err);
	for (int i = 0; i < MAIL_CALLERS && take_caller(s); i++)
		;
	if (mutant_is_off("mail-pace"))
		listen_on(s);
	else
		want_pause(s);
}

int mail_server_start(struct mail_server *s, struct err *err)
{
	if (gethostname(s->host, sizeof(s->host) - 1) < 0)
		return err_sys(err, "ask for the host's name");
	s->listener.on_event = on_connection;
	s->listener.owner = s;
	s->pause = (struct loop_timer){ .on_time = on_pause, .owner = s };
	return loop_watch_set(&s->loop, &s->listener, EPOLLIN | EPOLLONESHOT, err);
}

void mail_server_end(struct mail_server *s)
{
	s->is_ending = true;
	loop_watch_stop(&s->loop, &s->listener);
	fd_close(&s->listener.fd);
	for (struct mail_peer *p = s->peers, *next = NULL; p; p = next) {
		next = p->next;
		if (p->stage == MAIL_READING)
			mail_peer_finish(p, MAIL_RESULT_BUSY,
					 "the machine's mail service ends; try again "
			       "later");
	}
}
