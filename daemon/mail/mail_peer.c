/* SPDX-License-Identifier: Apache-2.0 */
/* The mailer of a message that is whole, and the end of every one. */
#include "daemon/mail/mail_peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/mail/mail_log.h"
#include "schema/events.h"

uint64_t mail_peer_now_s(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

/* ---- the end of a peer ---- */

void mail_peer_close(struct mail_peer *p)
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
	fd_close_caller(p->number, &p->watch.fd);
	mail_reader_done(&p->reader);
	if (p->file)
		(void)fclose(p->file);
	free(p);
}

bool mail_peer_may_tell(struct mail_count *row)
{
	uint32_t now = (uint32_t)mail_peer_now_s();
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
	else if (mail_peer_may_tell(row))
		log_event(MAIL_REFUSED, "tenant=%u result=%s bytes=%llu recipients=%zu reason='%s'",
			  p->number, mail_result_word(result), (unsigned long long)p->reader.size,
			  p->reader.to.count, quotable(text, reason));
}

static void answer(struct mail_peer *p, uint32_t result, const char *text, bool is_told)
{
	struct mail_answer a = { .magic = MAIL_MAGIC, .result = result };
	struct mail_count *row = mail_counts_row(&p->server->counts, p->number, mail_peer_now_s());

	(void)str_format(a.text, sizeof(a.text), "%.*s", (int)sizeof(a.text) - 1, text);
	if (result == MAIL_RESULT_SENT) {
		row->sent++;
		row->recipients += p->reader.to.count;
		row->bytes += p->reader.size;
	} else {
		row->refused++;
	}
	if (is_told)
		tell(p, row, result, text);
	/* It is the only thing ever sent, so there is room, or nobody listens. */
	(void)send(p->watch.fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
	mail_peer_close(p);
}

static bool may_refuse(struct mail_peer *p)
{
	struct mail_counts *c = &p->server->counts;
	uint64_t now = mail_peer_now_s();

	return mail_counts_pace(c, mail_counts_row(c, p->number, now), now,
				MAIL_REFUSALS_PER_S) || mutant_is_off("mail-pace");
}

void mail_peer_finish(struct mail_peer *p, uint32_t result, const char *text)
{
	struct loop *loop = &p->server->loop;

	if (p->number == 0) {		/* no tenant: nothing to count */
		mail_peer_close(p);
	} else if (result == MAIL_RESULT_SENT || may_refuse(p)) {
		answer(p, result, text, true);
	} else {
		p->stage = MAIL_REFUSED;
		p->result = result;
		(void)str_format(p->text, sizeof(p->text), "%.*s", (int)sizeof(p->text) - 1, text);
		loop_watch_stop(loop, &p->watch);
		loop_timer_set(loop, &p->timer, MAIL_REFUSED_MS);
	}
}

void mail_peer_turn_away(struct mail_peer *p, const char *text)
{
	if (p->number == 0)
		mail_peer_close(p);
	else
		answer(p, MAIL_RESULT_BUSY, text, may_refuse(p));
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
		mail_peer_finish(p, MAIL_RESULT_SENT, "sent");
	else if (p->is_late)
		mail_peer_finish(p, MAIL_RESULT_BUSY,
				 "the machine's mailer took too long; try again later");
	else if (code == EX_TEMPFAIL)
		mail_peer_finish(p, MAIL_RESULT_BUSY,
				 "the machine's mailer is busy; try again later");
	else
		mail_peer_finish(p, MAIL_RESULT_FAILED, "the machine's mailer did not take it");
	mail_peer_run_next(s);
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
		mail_peer_finish(p, MAIL_RESULT_FAILED,
				 "this machine has no mailer that can be started");
		return;
	}
	p->stage = MAIL_RUNNING;
	s->run_count++;
	loop_timer_set(&s->loop, &p->timer, MAIL_RUN_S * 1000);
}

size_t mail_peer_count(const struct mail_server *s, uint32_t number, bool is_running)
{
	size_t count = 0;

	for (const struct mail_peer *p = s->peers; p; p = p->next)
		count += p->number == number && (!is_running || p->stage == MAIL_RUNNING);
	return count;
}

void mail_peer_run_next(struct mail_server *s)
{
	for (struct mail_peer *p = s->peers, *next = NULL; p && s->run_count < MAIL_RUNS_MAX;
	     p = next) {
		next = p->next;
		if (p->stage == MAIL_WAITING &&
		    mail_peer_count(s, p->number, true) < MAIL_RUNS_OF_ONE)
			start_mailer(p);
	}
}

void mail_peer_on_late(void *peer)
{
	struct mail_peer *p = peer;

	switch (p->stage) {
	case MAIL_READING:
		mail_peer_finish(p, MAIL_RESULT_BAD, "the message did not come in time");
		return;
	case MAIL_WAITING:
		mail_peer_finish(p, MAIL_RESULT_BUSY,
				 "the machine's mailer is busy; try again later");
		return;
	case MAIL_RUNNING:
		/* Also if the kill does nothing, as with a mailer of root's: it has a
		 * place until it ends, and its client has its own limit. */
		p->is_late = true;
		mail_run_kill(&p->run);
		return;
	case MAIL_REFUSED:
		answer(p, p->result, p->text, true);
		return;
	}
}
