/* SPDX-License-Identifier: Apache-2.0 */
/* From an accepted connection to its answer. */
#include "daemon/mail/mail_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/mail/mail_fields.h"
#include "daemon/mail/mail_log.h"
#include "daemon/mail/mail_reader.h"
#include "daemon/mail/mail_run.h"
#include "schema/errors.h"
#include "schema/events.h"

#define READ_AT_ONCE 65536
#define IDENTITY_MAX 1024

enum stage { READING, WAITING, RUNNING };

struct mail_peer {
	struct mail_peer *next;
	struct mail_server *server;
	struct loop_watch watch;
	struct loop_timer timer;
	struct mail_reader reader;
	struct mail_run run;
	enum stage stage;
	uint32_t number;
	struct mail_rule rule;
	FILE *file;
	uint64_t held;
	bool is_late;			/* its mailer was killed */
	char identity[IDENTITY_MAX];
	char sender[MAIL_ADDRESS_MAX];
};

static uint64_t now_s(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

static void run_next(struct mail_server *s);

/* ---- the end of a peer ---- */

static void close_peer(struct mail_peer *p)
{
	struct mail_server *s = p->server;

	for (struct mail_peer **at = &s->peers; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	s->peer_count--;
	s->held -= p->held;
	loop_timer_stop(&s->loop, &p->timer);
	loop_watch_stop(&s->loop, &p->watch);
	fd_close_strange(&p->watch.fd);
	mail_reader_done(&p->reader);
	if (p->file)
		(void)fclose(p->file);
	free(p);
}

/* At most one line a second and tenant: a flood of bad messages is no flood of
 * the log, in which the lines of others would be lost. */
static bool may_tell(struct mail_count *row)
{
	uint32_t now = (uint32_t)now_s();
	bool is_first = row->told != now;

	row->told = now;
	return is_first;
}

/* Part of it is the sender's own: within the quotes of a value it must not end it. */
static const char *quotable(const char *text, char out[MAIL_TEXT_MAX])
{
	(void)str_format(out, MAIL_TEXT_MAX, "%.*s", MAIL_TEXT_MAX - 1, text);
	for (char *at = out; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	return out;
}

static void tell(const struct mail_peer *p, struct mail_count *row, uint32_t result,
		 const char *text)
{
	char reason[MAIL_TEXT_MAX], sender[MAIL_ADDRESS_MAX];
	bool is_sent = result == MAIL_RESULT_SENT;

	/* Before there was a sender of ours, it is the script's own word. */
	(void)str_format(sender, sizeof(sender), "%s", p->sender[0] ? p->sender : p->reader.sender);
	mail_log_write(p->server->logs, p->number,
		       "%s sender=<%s> recipients=%zu bytes=%llu%s%s%s", mail_result_word(result),
		       sender, p->reader.to.count, (unsigned long long)p->reader.size,
		       is_sent ? "" : " reason='", is_sent ? "" : quotable(text, reason),
		       is_sent ? "" : "'");
	if (is_sent)
		log_event(MAIL_SENT, "tenant=%u site=%s bytes=%llu recipients=%zu sender='%s'",
			  p->number, p->rule.site, (unsigned long long)p->reader.size,
			  p->reader.to.count, p->sender);
	else if (may_tell(row))
		log_event(MAIL_REFUSED, "tenant=%u result=%s bytes=%llu recipients=%zu reason='%s'",
			  p->number, mail_result_word(result), (unsigned long long)p->reader.size,
			  p->reader.to.count, quotable(text, reason));
}

/* Answers, counts, logs, closes. */
static void finish(struct mail_peer *p, uint32_t result, const char *text)
{
	if (p->number == 0) {		/* no tenant: nothing to count */
		close_peer(p);
		return;
	}

	struct mail_answer a = { .magic = MAIL_MAGIC, .result = result };
	struct mail_count *row = mail_counts_row(&p->server->counts, p->number, now_s());

	(void)str_format(a.text, sizeof(a.text), "%.*s", (int)sizeof(a.text) - 1, text);
	if (result == MAIL_RESULT_SENT) {
		row->sent++;
		row->recipients += p->reader.to.count;
		row->bytes += p->reader.size;
	} else {
		row->refused++;
	}
	tell(p, row, result, text);
	/* It is the only thing ever sent, so there is room, or nobody listens. */
	(void)send(p->watch.fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
	close_peer(p);
}

static void finish_err(struct mail_peer *p, const struct err *err)
{
	finish(p, err->code == ERR_SYSTEM ? MAIL_RESULT_BUSY : MAIL_RESULT_BAD, err->text);
}

/* ---- the mailer ---- */

static void on_mailer_end(void *owner, int status, const char *said)
{
	struct mail_peer *p = owner;
	struct mail_server *s = p->server;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	char shown[MAIL_TEXT_MAX];

	s->run_count--;
	if (code != 0)
		log_event(DAEMON_ERROR, "program=mailer tenant=%u status=%d signal=%d said='%s'",
			  p->number, code, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
			  quotable(said, shown));
	if (code == 0)
		finish(p, MAIL_RESULT_SENT, "sent");
	else if (p->is_late)
		finish(p, MAIL_RESULT_BUSY, "the machine's mailer took too long; try again later");
	else if (code == EX_TEMPFAIL)
		finish(p, MAIL_RESULT_BUSY, "the machine's mailer is busy; try again later");
	else
		finish(p, MAIL_RESULT_FAILED, "the machine's mailer did not take it");
	run_next(s);
}

static void start_mailer(struct mail_peer *p)
{
	struct mail_server *s = p->server;
	struct err err = { 0 };

	/* The host's name of a site is an address of the site's: answers go to it. */
	if (s->settings.mail_own_sender || !p->reader.sender[0]) {
		if (str_format(p->sender, sizeof(p->sender), "t%u@%s", p->number,
			       p->rule.site) < 0)
			(void)str_format(p->sender, sizeof(p->sender), "<>");
	} else {
		(void)str_copy(p->sender, sizeof(p->sender), p->reader.sender);
	}
	p->run = (struct mail_run){ .loop = &s->loop, .said = -1, .on_end = on_mailer_end,
				    .owner = p };
	if (mail_run_start(&p->run, s->settings.mailer, p->sender, &p->reader.to,
			   fileno(p->file), &err) < 0) {
		log_event(DAEMON_ERROR, "program=mailer error='%s'", err.text);
		finish(p, MAIL_RESULT_FAILED, "this machine has no mailer that can be started");
		return;
	}
	p->stage = RUNNING;
	s->run_count++;
	loop_timer_set(&s->loop, &p->timer, MAIL_RUN_S * 1000);
}

static size_t count_of(const struct mail_server *s, uint32_t number, bool is_running)
{
	size_t count = 0;

	for (const struct mail_peer *p = s->peers; p; p = p->next)
		count += p->number == number && (!is_running || p->stage == RUNNING);
	return count;
}

/* Who has waited longest, but of one tenant only so many at a time. */
static void run_next(struct mail_server *s)
{
	for (struct mail_peer *p = s->peers, *next = NULL; p && s->run_count < MAIL_RUNS_MAX;
	     p = next) {
		next = p->next;
		if (p->stage == WAITING && count_of(s, p->number, true) < MAIL_RUNS_OF_ONE)
			start_mailer(p);
	}
}

/* ---- reading ---- */

static void on_late(void *owner)
{
	struct mail_peer *p = owner;

	switch (p->stage) {
	case READING:
		finish(p, MAIL_RESULT_BAD, "the message did not come in time");
		return;
	case WAITING:
		finish(p, MAIL_RESULT_BUSY, "the machine's mailer is busy; try again later");
		return;
	case RUNNING:
		/* Also if the kill does nothing, as with a mailer of root's: it has a
		 * place until it ends, and its client has its own limit. */
		p->is_late = true;
		mail_run_kill(&p->run);
		return;
	}
}

/* The hour is taken from only now, so that a message that breaks off costs none. */
static void on_whole(struct mail_peer *p)
{
	struct mail_count *row = mail_counts_row(&p->server->counts, p->number, now_s());
	char text[MAIL_TEXT_MAX];

	if (mail_counts_take(row, (uint32_t)p->reader.to.count, p->rule.per_hour) < 0) {
		(void)str_format(text, sizeof(text), "this site's mail may have %u recipients "
				 "within an hour, and had %u; try again later", p->rule.per_hour,
				 row->in_hour);
		finish(p, MAIL_RESULT_RATE, text);
		return;
	}
	loop_watch_stop(&p->server->loop, &p->watch);
	p->stage = WAITING;
	loop_timer_set(&p->server->loop, &p->timer, MAIL_QUEUE_S * 1000);
	run_next(p->server);
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
		mail_counts_find(&p->server->counts, number, now_s());
	struct mail_count row = { .number = number };

	if (found)
		row = *found;

	(void)send(p->watch.fd, &row, sizeof(row), MSG_DONTWAIT | MSG_NOSIGNAL);
	close_peer(p);
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
		    may_tell(mail_counts_row(&p->server->counts, p->number, now_s())))
			log_event(PEER_REFUSED, "program=tenant-mail tenant=%u error='a head that "
				  "only others may send'", p->number);
		finish(p, MAIL_RESULT_BAD, "the head is not one of a site");
		return -1;
	}
	if (load_rule(p, &err) < 0) {
		if (may_tell(mail_counts_row(&p->server->counts, p->number, now_s())))
			log_event(DAEMON_ERROR, "program=tenant-mail tenant=%u error='%s'",
				  p->number, err.text);
		finish(p, MAIL_RESULT_DENIED, "this machine has no rule for mail of this site");
		return -1;
	}
	if (!p->rule.is_allowed) {
		finish(p, MAIL_RESULT_DENIED, "this site's plan does not allow mail");
		return -1;
	}
	p->file = tmpfile();
	if (!p->file || fcntl(fileno(p->file), F_SETFD, FD_CLOEXEC) < 0) {
		finish(p, MAIL_RESULT_BUSY, "there is no room for the message; try again later");
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

static void on_data(void *owner, uint32_t events)
{
	static char buffer[READ_AT_ONCE];
	struct mail_peer *p = owner;
	bool is_head = p->reader.part == MAIL_PART_HEAD;
	size_t want = is_head ? sizeof(p->reader.head) - p->reader.have : sizeof(buffer);
	size_t no_fds = 0;
	ssize_t n = fd_receive(p->watch.fd, buffer, want, NULL, &no_fds);
	struct err err = { 0 };

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(p, MAIL_RESULT_BAD, "the message broke off");
		return;
	}
	if (mail_reader_take(&p->reader, buffer, (size_t)n, &err) < 0) {
		finish_err(p, &err);
		return;
	}
	if (is_head && p->reader.part != MAIL_PART_HEAD && on_head(p) < 0)
		return;
	if (!hold(p))
		finish(p, MAIL_RESULT_BUSY, "there is no room for a large message now; try again "
		       "later");
	else if (p->reader.part == MAIL_PART_END)
		on_whole(p);
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

static void on_connection(void *owner, uint32_t events)
{
	struct mail_server *s = owner;
	CLOSE_AT_EXIT int fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err err = { 0 };

	(void)events;
	if (fd < 0)
		return;
	/* As root has them now; a reload that is torn, or refused, leaves the old ones:
	 * uid_base says who a sender is. */
	(void)settings_refresh(s->run_dir, &s->settings, &err);
	int64_t number = who(s, fd);
	struct mail_peer *p = number < 0 ? NULL : calloc(1, sizeof(*p));

	if (!p)
		return;
	*p = (struct mail_peer){ .server = s, .number = (uint32_t)number,
				 .watch = { .fd = fd_take(&fd), .on_event = on_data, .owner = p },
				 .timer = { .on_time = on_late, .owner = p } };
	size_t others = count_of(s, p->number, false);
	struct mail_peer **last = &s->peers;

	while (*last)
		last = &(*last)->next;
	*last = p;
	s->peer_count++;
	if (s->peer_count > MAIL_PEERS_MAX || (number > 0 && others >= MAIL_PEERS_OF_ONE))
		finish(p, MAIL_RESULT_BUSY, "too many messages at once; try again later");
	else if (loop_watch_set(&s->loop, &p->watch, EPOLLIN, &err) < 0)
		finish_err(p, &err);
	else
		loop_timer_set(&s->loop, &p->timer, MAIL_RECEIVE_S * 1000);
}

int mail_server_start(struct mail_server *s, struct err *err)
{
	if (gethostname(s->host, sizeof(s->host) - 1) < 0)
		return err_sys(err, "ask for the host's name");
	s->listener.on_event = on_connection;
	s->listener.owner = s;
	return loop_watch_set(&s->loop, &s->listener, EPOLLIN, err);
}

void mail_server_end(struct mail_server *s)
{
	s->is_ending = true;
	loop_watch_stop(&s->loop, &s->listener);
	fd_close(&s->listener.fd);
	for (struct mail_peer *p = s->peers, *next = NULL; p; p = next) {
		next = p->next;
		if (p->stage == READING)
			finish(p, MAIL_RESULT_BUSY, "the machine's mail service ends; try again "
			       "later");
	}
}
