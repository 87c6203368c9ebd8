/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-mail: takes messages out of cages and gives them to the host's mailer,
 * as a user of its own.  Who sends, the kernel says; how much he may, a record of
 * root's.  It must be able to start a program that changes its group, as
 * Postfix's sendmail does: so it is the one service without no_new_privs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/str.h"
#include "build_config.h"
#include "daemon/mail/mail_server.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/programs.h"

#define BACKLOG 128

/* Once: TERM or INT.  What is whole still goes to the mailer. */
static void on_signal(void *owner, uint32_t events)
{
	(void)events;
	mail_server_end(owner);
}

/* Under another name first: whoever connects meets the old one or the new one. */
static int bind_socket(const char *run_dir, int folder, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "make a socket");
	if (str_format(address.sun_path, sizeof(address.sun_path), "%s/" MAIL_SOCKET_DIR "/"
		       MAIL_SOCKET ".new", run_dir) < 0)
		return err_set(err, ERR_BAD_CONFIG, "run_dir '%s' is too long for a socket",
			       run_dir);
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return err_sys(err, "remove the old '%s'", address.sun_path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    /* Cages are other users; who they are is asked of the kernel. */
	    chmod(address.sun_path, 0666) < 0 || listen(fd, BACKLOG) < 0 ||
	    renameat(folder, MAIL_SOCKET ".new", folder, MAIL_SOCKET) < 0)
		return err_sys(err, "bind '%s'", address.sun_path);
	return fd_take(&fd);
}

static int open_folder(const char *dir, const char *below, int *out, struct err *err)
{
	char path[SETTING_TEXT_MAX + 32];

	if (str_format(path, sizeof(path), "%s/%s", dir, below) < 0)
		return err_set(err, ERR_BAD_CONFIG, "the path '%s' is too long", dir);
	*out = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);	/* to pass, not to list */
	return *out < 0 ? err_sys(err, "open '%s' (was tenantd started?)", path) : 0;
}

static int prepare(struct mail_server *s, struct loop_watch *signals, struct err *err)
{
	CLOSE_AT_EXIT int mine = -1;
	CLOSE_AT_EXIT int sockets = -1;
	sigset_t stop;

	if (geteuid() == 0)
		return err_set(err, ERR_DENIED, "tenant-mail must not be root; start it as "
			       "mail_user");
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, "become undumpable");
	if (settings_load(s->run_dir, &s->settings, err) < 0 ||
	    open_folder(s->run_dir, MAIL_COUNTS_DIR, &mine, err) < 0 ||
	    open_folder(s->run_dir, MAIL_SOCKET_DIR, &sockets, err) < 0 ||
	    open_folder(s->run_dir, MAIL_LOG_DIR, &s->logs, err) < 0 ||
	    open_folder(s->settings.state_dir, MAIL_DIR, &s->rules, err) < 0 ||
	    mail_counts_open(&s->counts, mine, s->settings.tenants_max, err) < 0 ||
	    loop_init(&s->loop, err) < 0)
		return -1;
	s->listener.fd = bind_socket(s->run_dir, sockets, err);
	if (s->listener.fd < 0 || mail_server_start(s, err) < 0)
		return -1;
	*signals = (struct loop_watch){ .on_event = on_signal, .owner = s,
					.fd = signalfd(-1, &stop, SFD_CLOEXEC) };
	if (signals->fd < 0)
		return err_sys(err, "take signals");
	return loop_watch_set(&s->loop, signals, EPOLLIN | EPOLLONESHOT, err);
}

int main(int argc, char **argv)
{
	static struct mail_server s = { .rules = -1, .logs = -1, .listener = { .fd = -1 },
					.counts = { .fd = -1 } };
	struct loop_watch signals;
	struct err err = { 0 };
	int option = 0;

	while ((option = getopt(argc, argv, "r:")) != -1) {
		if (option != 'r')
			return program_usage("tenant-mail");
		s.run_dir = optarg;
	}
	if (!s.run_dir || optind != argc)
		return program_usage("tenant-mail");
	if (prepare(&s, &signals, &err) == 0) {
		log_event(DAEMON_START, "program=tenant-mail version=%s uid=%u", TENANTD_VERSION,
			  geteuid());
		(void)notify_send("READY=1", NULL);	/* politeness only */
		while (!(s.is_ending && !s.peers) && loop_run_once(&s.loop, &err) == 0)
			;
	}
	if (err.code) {
		log_event(DAEMON_ERROR, "program=tenant-mail error='%s'", err.text);
		return 1;
	}
	log_event(DAEMON_STOP, "program=tenant-mail");
	return 0;
}
