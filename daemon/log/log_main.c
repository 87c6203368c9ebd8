/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-log: copies what pools print from their pipes to their logs, as a user
 * of its own, on descriptors that the supervisor opened.  It opens nothing and
 * understands nothing of what it copies, but for the name with which each line of nginx's
 * log begins: it parts that log by sites.  It also sums up what the kernel tells of system
 * calls that ended a process.  It ends when the supervisor does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/log/audit.h"
#include "daemon/log/log_copy.h"
#include "daemon/log/visit_parts.h"
#include "schema/log_wire.h"
#include "schema/events.h"

/* What was read is left alone for so long: of a pipe that is filled without end, however short
 * its lines, a chunk is read then, and its writers wait on their own CPU quota.  Long enough for a
 * hundred wake-ups a second at most, short enough that a burst beyond LOG_RATE hardly waits. */
#define PAUSE_MS 10
#define TELL_MS 1000
#define PART_MS 1000
/* What is read frees the writers, all at once, and they run until the pipe is full again: the less
 * of it, the less does a neighbour wait for a CPU.  What may be written is read at six times
 * LOG_RATE, and of what is to be dropped not much more than comes in at that rate. */
#define CHUNK_BYTES (16 * 1024)
#define FLOOD_BYTES (4 * 1024)
#define LAST_BYTES (1024 * 1024)	/* the most that a pipe can hold */

struct source {
	struct source *next;
	struct program *program;
	struct loop_watch watch;
	struct log_copy copy;
	uint32_t which;		/* enum log_which */
	struct source *next_paused;
};

struct program {
	struct loop loop;
	struct source *sources, *paused;
	struct loop_watch link, signals, audit;
	struct loop_timer pause, tell, listen;
	struct violations violations;
	struct loop_timer part;
	struct parts parts;
	bool is_ended;
};

static void watch(struct source *s)
{
	struct err err = { 0 };

	/* Only readiness to read is asked for: this end also counts as a writer,
	 * so the pipe never hangs up. */
	if (loop_watch_set(&s->program->loop, &s->watch, EPOLLIN | EPOLLONESHOT, &err) < 0)
		log_event(DAEMON_ERROR, "program=tenant-log tenant=%u error='%s'",
			  s->copy.number, err.text);
}

static void pause_source(struct source *s)
{
	struct program *p = s->program;

	if (mutant_is_off("log-pause")) {
		watch(s);
		return;
	}
	s->next_paused = p->paused;
	p->paused = s;
	if (!p->pause.is_set)
		loop_timer_set(&p->loop, &p->pause, PAUSE_MS);
}

static void forget_pause(struct source *s)
{
	struct source **at = &s->program->paused;

	while (*at && *at != s)
		at = &(*at)->next_paused;
	if (*at)
		*at = s->next_paused;
}

static bool take(struct source *s)
{
	size_t chunk = s->copy.cap.room >= CHUNK_BYTES ? CHUNK_BYTES : FLOOD_BYTES;

	return log_copy_some(&s->copy, chunk, loop_now_ms()) > 0;
}

static void on_output(void *owner, uint32_t events)
{
	struct source *s = owner;

	(void)events;
	(void)take(s);
	pause_source(s);
}

/* The first line of a quiet pipe is waited for; where there was more, or a note is due, the next
 * look is taken by the clock. */
static void on_pause(void *owner)
{
	struct program *p = owner;
	struct source *s = p->paused;

	p->paused = NULL;
	for (struct source *next = NULL; s; s = next) {
		next = s->next_paused;
		bool is_more = take(s);

		if (log_copy_note(&s->copy, loop_now_ms()) || is_more)
			pause_source(s);
		else
			watch(s);
	}
}

/* Copies what is there and lets go of one log; WHICH is LOGS for all of them. */
static void let_go(struct program *p, uint32_t number, uint32_t which)
{
	for (struct source **at = &p->sources; *at;) {
		struct source *s = *at;

		if (s->copy.number != number || (which != LOGS && s->which != which)) {
			at = &s->next;
			continue;
		}
		for (size_t left = LAST_BYTES, n = 1; left > 0 && n > 0; left -= n)
			n = log_copy_some(&s->copy, left, loop_now_ms());
		loop_watch_stop(&p->loop, &s->watch);
		forget_pause(s);
		log_copy_done(&s->copy);
		*at = s->next;
		free(s);
	}
}

static void attach(struct program *p, uint32_t number, uint32_t which, const int fds[2])
{
	struct source *s = calloc(1, sizeof(*s));

	let_go(p, number, which);
	if (!s) {
		log_event(DAEMON_ERROR, "program=tenant-log tenant=%u error='no memory'", number);
		(void)close(fds[0]);
		(void)close(fds[1]);
		return;
	}
	s->program = p;
	s->which = which;
	s->watch = (struct loop_watch){ .fd = fds[0], .on_event = on_output, .owner = s };
	log_copy_init(&s->copy, number, fds[0], fds[1], loop_now_ms());
	s->next = p->sources;
	p->sources = s;
	watch(s);
}

/* True if it was one of these, carried out. */
static bool take_visits(struct program *p, const struct log_message *m, int fds[3], size_t count)
{
	struct err err = { 0 };
	int rc = 0;

	if (!str_is_terminated(m->site, sizeof(m->site)))
		return false;
	if (m->verb == LOG_SITE && count == 1)
		rc = parts_site(&p->parts, m->site, m->number, fds[0], &err);
	else if (m->verb == LOG_FORGET && count == 0)
		parts_forget(&p->parts, m->site, m->number);
	else if (m->verb == LOG_STREAM && count >= 2)
		rc = parts_log(&p->parts, fds[0], fds[1], fds[2], &err);
	else
		return false;
	if (rc < 0)
		log_event(DAEMON_ERROR, "program=tenant-log tenant=%u error='%s'", m->number,
			  err.text);
	return true;
}

/* False if there was none. */
static bool hear(struct program *p)
{
	struct log_message m;
	int fds[3] = { -1, -1, -1 };
	size_t count = ARRAY_SIZE(fds);
	ssize_t n = fd_receive(p->link.fd, &m, sizeof(m), fds, &count);

	if (n < 0) {
		/* No room for the descriptors: this tenant's log stays unread. */
		if (errno != EAGAIN)
			log_event(DAEMON_ERROR, "program=tenant-log error='a message was lost: %s'",
				  strerror(errno));
		return errno != EAGAIN;
	}
	if (n == sizeof(m) && m.verb == LOG_ATTACH && count == 2 && m.which < LOGS) {
		attach(p, m.number, m.which, fds);
		return true;
	}
	if (n == sizeof(m) && take_visits(p, &m, fds, count))
		return true;
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	if (n == sizeof(m) && m.verb == LOG_DETACH && count == 0) {
		let_go(p, m.number, LOGS);
		return true;
	}
	if (n != 0)
		log_event(PEER_REFUSED, "program=tenant-log error='a message of %zd bytes'", n);
	p->is_ended = true;
	return false;
}

static void on_message(void *owner, uint32_t events)
{
	(void)events;
	(void)hear(owner);
}

static void on_part(void *owner)
{
	struct program *p = owner;

	/* What was said before a line was written is known before it is read. */
	while (hear(p))
		;
	loop_timer_set(&p->loop, &p->part, parts_go_on(&p->parts) ? 1 : PART_MS);
}

static void watch_audit(void *owner)
{
	struct program *p = owner;
	struct err err = { 0 };

	if (loop_watch_set(&p->loop, &p->audit, EPOLLIN | EPOLLONESHOT, &err) < 0)
		log_event(DAEMON_ERROR, "program=tenant-log error='no more audit records: %s'",
			  err.text);
}

/* What there is no room for is told the next time, summed up. */
static void on_tell(void *owner)
{
	struct program *p = owner;
	struct violations *v = &p->violations;

	while (v->count > 0 && fd_send(p->link.fd, &v->row[v->count - 1], sizeof(v->row[0]), NULL,
				       0) == 0)
		v->count--;
	if (v->count > 0)
		loop_timer_set(&p->loop, &p->tell, TELL_MS);
}

static void on_audit(void *owner, uint32_t events)
{
	struct program *p = owner;

	(void)events;
	/* Records come as fast as a tenant's processes end, so they have a pause, too. */
	if (audit_take(p->audit.fd, &p->violations)) {
		loop_timer_set(&p->loop, &p->listen, PAUSE_MS);
	} else {
		log_event(DAEMON_ERROR, "program=tenant-log error='no more audit records: %s'",
			  strerror(errno));
		loop_watch_stop(&p->loop, &p->audit);
	}
	if (p->violations.count > 0 && !p->tell.is_set)
		loop_timer_set(&p->loop, &p->tell, TELL_MS);
}

static void on_signal(void *owner, uint32_t events)
{
	struct program *p = owner;

	(void)events;
	p->is_ended = true;
}

static int prepare(struct program *p, struct err *err)
{
	struct rlimit files;
	sigset_t stop;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, "become undumpable");
	/* Two per log of a tenant that runs. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);	/* fewer tenants, no other harm */
	}
	if (loop_init(&p->loop, err) < 0)
		return -1;
	int signals = signalfd(-1, &stop, SFD_CLOEXEC);

	if (signals < 0)
		return err_sys(err, "take signals");
	p->signals = (struct loop_watch){ .fd = signals, .on_event = on_signal, .owner = p };
	p->link = (struct loop_watch){ .fd = LOG_WIRE_FD, .on_event = on_message, .owner = p };
	p->pause = (struct loop_timer){ .on_time = on_pause, .owner = p };
	p->audit = (struct loop_watch){ .fd = LOG_AUDIT_FD, .on_event = on_audit, .owner = p };
	p->tell = (struct loop_timer){ .on_time = on_tell, .owner = p };
	p->listen = (struct loop_timer){ .on_time = watch_audit, .owner = p };
	p->part = (struct loop_timer){ .on_time = on_part, .owner = p };
	parts_init(&p->parts);
	loop_timer_set(&p->loop, &p->part, PART_MS);
	if (loop_watch_set(&p->loop, &p->signals, EPOLLIN, err) < 0)
		return -1;
	/* Where the machine does not tell, there is no such descriptor. */
	if (fcntl(LOG_AUDIT_FD, F_GETFD) >= 0)
		watch_audit(p);
	return loop_watch_set(&p->loop, &p->link, EPOLLIN, err);
}

int main(void)
{
	static struct program p;
	struct err err = { 0 };

	if (geteuid() == 0)
		(void)err_set(&err, ERR_SYSTEM, "tenant-log is started by tenantd, not by root");
	else if (prepare(&p, &err) == 0) {
		while (!p.is_ended && loop_run_once(&p.loop, &err) == 0)
			;
		while (p.sources)
			let_go(&p, p.sources->copy.number, LOGS);
		parts_done(&p.parts);
	}
	if (err.code == 0)
		return 0;
	log_event(DAEMON_ERROR, "program=tenant-log error='%s'", err.text);
	return 1;
}
