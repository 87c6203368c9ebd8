/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-control: the API and the database of what should be.  Runs as a user of
 * its own without any privilege; what it wants done it asks the supervisor for.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "build_config.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/notify.h"
#include "base/str.h"
#include "daemon/control/http.h"
#include "daemon/control/status_server.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/programs.h"
#include "tenants/vhost.h"

#define DATABASE "control/tenantd.db"
#define BACKLOG 64

/* Root would make the walls around this program worthless. */
static int become_harmless(bool may_be_root, struct err *err)
{
	if (geteuid() == 0 && !may_be_root && !mutant_is_off("control-user"))
		return err_set(err, ERR_POLICY, "tenant-control does not run as root; start it as "
			       "the user that control_user in tenantd.conf names");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "no_new_privs");
	(void)umask(0077);
	return 0;
}

/* The API's and the status pages' sockets.  Names of descriptors are the service
 * manager's to choose; the sockets' own are ours. */
struct listeners {
	int api, status;
};

static void take_listener(int fd, const char *name, void *arg)
{
	struct listeners *l = arg;
	struct sockaddr_un at = { 0 };
	socklen_t size = sizeof(at) - 1;	/* so that the path has an end */
	const char *last = NULL;

	(void)name;
	if (getsockname(fd, (struct sockaddr *)&at, &size) == 0 && at.sun_family == AF_UNIX)
		last = strrchr(at.sun_path, '/');
	bool is_status = last && strncmp(last + 1, VHOST_STATUS_SOCKET,
					 strlen(VHOST_STATUS_SOCKET)) == 0;
	int *mine = is_status ? &l->status : &l->api;

	if (*mine < 0)
		*mine = fd;
	else
		(void)close(fd);
}

/* Without an inherited socket: one of our own, for its group where we may. */
static int bind_listener(const struct settings *set, const char *name, uint64_t gid,
			 struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (str_format(address.sun_path, sizeof(address.sun_path), "%s/%s",
		       set->run_dir, name) < 0)
		return err_set(err, ERR_BAD_CONFIG, "run_dir '%s' is too long for a socket",
			       set->run_dir);
	if (fd < 0)
		return err_sys(err, "make the socket '%s'", name);
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return err_sys(err, "remove the old '%s'", address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_sys(err, "bind '%s'", address.sun_path);
	/* Only its own groups can a process give away; root's caller remains. */
	(void)!chown(address.sun_path, (uid_t)-1, (gid_t)gid);
	if (chmod(address.sun_path, 0660) < 0)
		return err_sys(err, "mode of '%s'", address.sun_path);
	return fd_take(&fd);
}

static int get_listeners(const struct settings *set, struct listeners *l, struct err *err)
{
	notify_take_fds(take_listener, l);
	if (l->api < 0)
		l->api = bind_listener(set, "control.sock", set->admin_gid, err);
	if (l->api >= 0 && l->status < 0)
		l->status = bind_listener(set, VHOST_STATUS_SOCKET, set->web_gid, err);
	if (l->api < 0 || l->status < 0)
		return -1;
	/* The HTTP threads must never wait in accept(). */
	if (fcntl(l->api, F_SETFL, O_NONBLOCK) < 0 || fcntl(l->status, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "sockets of the API and of the status pages");
	return 0;
}

struct program {
	struct settings_now settings;
	struct changer *changer;
	struct readers *readers;
	struct http *http;
	struct status_server *status;
};

static int start(struct program *p, const char *run_dir, struct err *err)
{
	char path[SETTING_TEXT_MAX + 32];
	struct store *store = NULL;
	const struct settings *set = &p->settings.settings;	/* nobody else has it yet */

	if (settings_now_init(&p->settings, run_dir, err) < 0)
		return -1;
	if (str_format(path, sizeof(path), "%s/" DATABASE, set->state_dir) < 0)
		return err_set(err, ERR_BAD_CONFIG, "state_dir is too long");
	if (store_open(path, &store, err) < 0)
		return -1;
	struct listeners l = { -1, -1 };
	struct store *second = NULL;

	if (get_listeners(set, &l, err) < 0 ||
	    store_open_reader(path, &second, err) < 0) {
		store_close(store);
		fd_close(&l.api);
		fd_close(&l.status);
		return -1;
	}
	if (status_server_start(l.status, run_dir, second, &p->status, err) < 0) {
		store_close(store);
		fd_close(&l.api);
		return -1;
	}
	if (changer_start(&p->settings, store, &p->changer, err) < 0 ||
	    readers_start(&p->settings, p->changer, path, &p->readers, err) < 0) {
		fd_close(&l.api);
		return -1;
	}
	return http_start(l.api, p->changer, p->readers, run_dir, &p->http, err);
}

/* Callers first, then what they wait for, then their connections. */
static void stop(struct program *p)
{
	status_server_stop(p->status);
	http_quiesce(p->http);
	readers_stop(p->readers);	/* they ask the changer for its report */
	changer_stop(p->changer);
	http_stop(p->http);
}

static int serve(struct program *p, const char *run_dir, const sigset_t *ends)
{
	struct err err = { 0 };
	int signal_number = 0;

	if (start(p, run_dir, &err) < 0) {
		log_event(DAEMON_ERROR, "program=tenant-control reason='%s'", err.text);
		stop(p);
		return 1;
	}
	log_event(DAEMON_START, "program=tenant-control version=%s uid=%u", TENANTD_VERSION,
		  geteuid());
	if (notify_send("READY=1", &err) < 0)
		log_event(DAEMON_ERROR, "what=notify reason='%s'", err.text);
	(void)sigwait(ends, &signal_number);
	(void)notify_send("STOPPING=1", NULL);	/* politeness only */
	log_event(DAEMON_STOP, "program=tenant-control signal=%d", signal_number);
	stop(p);
	return 0;
}

int main(int argc, char **argv)
{
	static struct program p;
	const char *run_dir = NULL;
	bool may_be_root = false;
	struct err err = { 0 };
	size_t seed = 0;
	sigset_t ends;
	int option = 0;

	while ((option = getopt(argc, argv, "r:R")) != -1) {
		if (option == 'r')
			run_dir = optarg;
		else if (option == 'R')
			may_be_root = true;
		else
			return program_usage("tenant-control");
	}
	if (!run_dir || optind != argc)
		return program_usage("tenant-control");
	if (become_harmless(may_be_root, &err) < 0) {
		log_event(DAEMON_ERROR, "program=tenant-control reason='%s'", err.text);
		return 1;
	}
	/* Before there are threads: both inherit the mask, and the hash of JSON
	 * objects is seeded once. */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return 1;
	json_object_seed(seed);
	return serve(&p, run_dir, &ends);
}
