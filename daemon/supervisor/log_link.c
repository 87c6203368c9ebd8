/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping tenant-log alive and telling it what to read. */
#include "daemon/supervisor/log_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/log_wire.h"
#include "schema/mail_wire.h"
#include "daemon/supervisor/audit_socket.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/visits.h"
#include "schema/events.h"

static const struct {
	const char *pipe, *file;	/* no name: the pipe is tenant-mail's */
} names[LOGS] = {
	[LOG_PHP] = { "log", "php.log" },
	[LOG_SLOW] = { "slow", "slow.log" },
	[LOG_ACCESS] = { "access", "php-access.log" },
	[LOG_MAIL] = { NULL, "mail.log" },
};

/* The folder of tenant-mail's pipes is root's: it may write to those that are there, under
 * the number of each site. */
static int open_pipe_folder(const struct place *p, uint32_t number, enum log_which which,
			    char name[16], struct err *err)
{
	if (names[which].pipe) {
		(void)str_format(name, 16, "%s", names[which].pipe);	/* fits */
		return place_pool_dir(p, number, err);
	}
	(void)str_format(name, 16, "%u", number);	/* fits */
	int dir = file_open_beneath(p->run_dir, MAIL_LOG_DIR, O_RDONLY | O_DIRECTORY, 0);

	return dir < 0 ? err_sys(err, "open folder '" MAIL_LOG_DIR "'") : dir;
}

void log_link_forget(const struct place *p, uint32_t number)
{
	char name[16];
	CLOSE_AT_EXIT int dir = open_pipe_folder(p, number, LOG_MAIL, name, NULL);

	(void)unlinkat(dir, name, 0);	/* not there is what we want */
}

int log_link_pipe(const struct place *p, uint32_t number, enum log_which which, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int dir = open_pipe_folder(p, number, which, name, err);
	struct stat st;

	if (dir < 0)
		return -1;
	if (mkfifoat(dir, name, 0600) < 0 && errno != EEXIST)
		return err_sys(err, "make the log pipe of %u", number);
	CLOSE_AT_EXIT int fd = openat(dir, name,
				      O_RDWR | O_CLOEXEC | O_NOFOLLOW |
				      (mutant_is_off("log-nonblock") ? 0 : O_NONBLOCK));

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open the log pipe of %u", number);
	if (!S_ISFIFO(st.st_mode))
		return err_set(err, ERR_SYSTEM, "the log pipe of %u is no pipe", number);
	if (which == LOG_MAIL && st.st_uid != (uid_t)p->settings.mail_uid &&
	    fchown(fd, (uid_t)p->settings.mail_uid, (gid_t)-1) < 0)
		return err_sys(err, "give the log pipe of %u to tenant-mail", number);
	return fd_take(&fd);
}

/* LOG_DIR/SITE/php.log and others; only root can put a name into that folder. */
int log_link_file(const struct place *p, const char *site, const char *name, struct err *err)
{
	CLOSE_AT_EXIT int dir = file_open_beneath(p->log_dir, site, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (dir < 0)
		return err_sys(err, "open the log folder of '%s'", site);
	CLOSE_AT_EXIT int fd = file_open_beneath(dir, name, O_WRONLY | O_APPEND |
						 O_CREAT | O_NONBLOCK, 0640);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open the log of '%s'", site);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_SYSTEM, "the log of '%s' is no plain file", site);
	/* Not for nothing: a change waits for the disk's journal, and that for what a tenant
	 * writes at the speed of io.max. */
	if (((st.st_uid != 0 || st.st_gid != (gid_t)p->settings.log_gid) &&
	     fchown(fd, 0, (gid_t)p->settings.log_gid) < 0) ||
	    ((st.st_mode & 07777) != 0640 && fchmod(fd, 0640) < 0))
		return err_sys(err, "set the owner of the log of '%s'", site);
	return fd_take(&fd);
}

static int attach_one(struct log_link *l, struct pool *p, enum log_which which)
{
	struct log_message m = { .verb = LOG_ATTACH, .number = p->number, .which = which };
	struct err err = { 0 };
	CLOSE_AT_EXIT int pipe_fd = log_link_pipe(l->place, p->number, which, &err);
	CLOSE_AT_EXIT int file = pipe_fd < 0 ? -1 :
				 log_link_file(l->place, p->spec.site, names[which].file, &err);

	if (file < 0) {
		/* The site runs without its log; the next start tries again. */
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", p->number, err.text);
		return 0;
	}
	return fd_send(l->sock, &m, sizeof(m), (int[]){ pipe_fd, file }, 2);
}

/* Again from the first if there was no room for all: each replaces itself. */
static int attach(struct log_link *l, struct pool *p)
{
	for (int which = 0; which < LOGS; which++)
		if (attach_one(l, p, (enum log_which)which) < 0)
			return -1;
	return 0;
}

static int detach(struct log_link *l, const struct pool *p)
{
	struct log_message m = { .verb = LOG_DETACH, .number = p->number };

	return fd_send(l->sock, &m, sizeof(m), NULL, 0);
}

static void listen_to(struct log_link *l, uint32_t events)
{
	struct err err = { 0 };

	if (loop_watch_set(&l->place->loop, &l->watch, events, &err) < 0)
		log_event(DAEMON_ERROR, "program=tenant-log error='%s'", err.text);
}

void log_link_sync(struct log_link *l)
{
	if (l->sock < 0)
		return;
	for (size_t i = 0; i < l->pools->count; i++) {
		struct pool *p = l->pools->at[i];

		if (p->is_log_wanted == p->is_log_sent)
			continue;
		if ((p->is_log_wanted ? attach(l, p) : detach(l, p)) == 0) {
			p->is_log_sent = p->is_log_wanted;
			continue;
		}
		/* It is behind: go on when there is room.  Any other error: it has
		 * died, which its pidfd tells. */
		if (errno == EAGAIN)
			listen_to(l, EPOLLIN | EPOLLOUT);
		return;
	}
	if (visits_send(l) == 0)
		listen_to(l, EPOLLIN);
	else if (errno == EAGAIN)
		listen_to(l, EPOLLIN | EPOLLOUT);
}

void log_link_reopen(struct log_link *l)
{
	for (size_t i = 0; i < l->pools->count; i++)
		l->pools->at[i]->is_log_sent = false;
	log_link_sync(l);
}

static void start(struct log_link *l)
{
	CLOSE_AT_EXIT int theirs = -1;
	struct err err = { 0 }, no_audit = { 0 };
	CLOSE_AT_EXIT int audit = audit_socket_open(&no_audit);

	if (spawn_channel(&l->sock, &theirs, &err) == 0) {
		struct spawn s = { .program = "tenant-log", .fds = (int[]){ theirs, audit },
				   .fd_count = audit < 0 ? 1 : 2,
				   .output = -1, .cgroup = -1,
				   .is_user = !mutant_is_off("log-user"),
				   .uid = (uid_t)l->place->settings.log_uid };

		l->watch.fd = l->sock;
		if (fcntl(theirs, F_SETFL, O_NONBLOCK) < 0)
			(void)err_sys(&err, "set up a channel to a child");
		else
			(void)child_start(&l->child, &s, 0, &err);
	}
	l->started_ms = loop_now_ms();
	l->is_counting = audit >= 0;
	if (audit < 0)
		log_event(DAEMON_ERROR, "program=tenantd error='violations are not counted: %s'",
			  no_audit.text);
	if (err.code != 0) {
		log_event(DAEMON_ERROR, "program=tenant-log error='%s'", err.text);
		fd_close(&l->sock);
		loop_timer_set(&l->place->loop, &l->restart, child_wait(&l->backoff, 0));
		return;
	}
	visits_reset(l);
	log_link_reopen(l);
}

static void on_restart(void *owner)
{
	start(owner);
}

static void take(struct log_link *l, const struct log_violation *m)
{
	uint64_t base = l->place->settings.uid_base;
	struct pool *p = m->uid < base ? NULL : pools_find(l->pools, (uint32_t)(m->uid - base));

	if (!p || !violations_add(&p->violations, m))
		return;
	log_event(POOL_VIOLATION, "tenant=%u site=%s call=%s times=%u all=%llu", p->number,
		  p->spec.site, m->call, m->count, (unsigned long long)p->violations.total);
}

/* It is no more than its user: whoever says what it would not say is ended. */
static void on_message(struct log_link *l)
{
	struct log_violation m;
	ssize_t n = recv(l->sock, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);
	int64_t now = loop_now_ms();

	if (n == 0 || (n < 0 && errno == EAGAIN))
		return;		/* its end is told by its pidfd */
	if (now - l->second_ms >= 1000) {
		l->second_ms = now;
		l->messages = 0;
	}
	if (n == sizeof(m) && violations_check(&m) && ++l->messages <= VIOLATIONS_PER_S) {
		take(l, &m);
		return;
	}
	log_event(PEER_REFUSED, "program=tenantd error='tenant-log sent what it never sends'");
	loop_watch_stop(&l->place->loop, &l->watch);
	child_signal(&l->child, SIGKILL);
}

static void on_event(void *owner, uint32_t events)
{
	struct log_link *l = owner;

	if (events & (EPOLLHUP | EPOLLERR)) {
		loop_watch_stop(&l->place->loop, &l->watch);
		return;		/* its end is told by its pidfd */
	}
	if (events & EPOLLIN)
		on_message(l);
	if (events & EPOLLOUT)
		log_link_sync(l);
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct log_link *l = owner;
	char how[SPAWN_END_TEXT];

	spawn_end_text(end, how);
	if (!l->is_stopping)
		log_event(CHILD_END, "program=tenant-log how='it %s'", how);
	for (size_t i = 0; i < l->pools->count; i++)
		l->pools->at[i]->is_log_sent = false;
	loop_watch_stop(&l->place->loop, &l->watch);
	fd_close(&l->sock);
	if (!l->is_stopping)
		loop_timer_set(&l->place->loop, &l->restart,
			       child_wait(&l->backoff, loop_now_ms() - l->started_ms));
}

void log_link_stop(struct log_link *l)
{
	l->is_stopping = true;
	loop_timer_stop(&l->place->loop, &l->restart);
	loop_timer_stop(&l->place->loop, &l->look);
	child_signal(&l->child, SIGTERM);
}

void log_link_init(struct log_link *l, struct place *place, struct pools *pools)
{
	*l = (struct log_link){ .place = place, .pools = pools, .sock = -1,
				.watch = { .fd = -1, .on_event = on_event, .owner = l },
				.restart = { .on_time = on_restart, .owner = l } };
	child_init(&l->child, place, on_end, l);
	start(l);
}
