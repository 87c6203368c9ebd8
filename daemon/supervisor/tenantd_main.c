/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenantd, the root supervisor: holds the listeners, starts and watches the
 * pools, has changes carried out.  It parses no text, opens no database and
 * starts no PHP; docs/architecture.md tells who talks to it.
 *
 *   tenantd [-c CONF] [-x LIBEXEC] [-C]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/notify.h"
#include "base/str.h"
#include "build_config.h"
#include "daemon/supervisor/adopt.h"
#include "daemon/supervisor/visits.h"
#include "daemon/supervisor/control_child.h"
#include "daemon/supervisor/exec.h"
#include "daemon/supervisor/facts_answer.h"
#include "daemon/supervisor/jobs.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/net_link.h"
#include "daemon/supervisor/peer.h"
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/settings_run.h"
#include "daemon/supervisor/verify.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/programs.h"

#define CONF "/etc/tenantd/tenantd.conf"
#define STOP_LIMIT_MS 20000	/* for a running job, before SIGTERM ends us */

/* The bounding set is also that of every child, so most of these are for the
 * helpers; each of them gives up what is not its own.  Where one is missing
 * (CAP_SYS_RESOURCE in containers) it simply stays missing. */
static const cap_value_t needed[] = {
	CAP_AUDIT_READ,		/* the kernel's records of calls that ended a process */
	CAP_CHOWN,		/* sockets, logs; tenant-build: homes */
	CAP_DAC_OVERRIDE,	/* folders of the control user; tenant-build: homes */
	CAP_DAC_READ_SEARCH,	/* tenant-build */
	CAP_FOWNER,		/* modes of sockets and logs that others own */
	CAP_FSETID,		/* tenant-build */
	CAP_KILL,		/* pools are the tenants' processes; nginx */
	CAP_NET_ADMIN,		/* tenant-net; tenant-jail: lo of the new network namespace */
	CAP_NET_BIND_SERVICE,	/* tenant-nginx: nginx -t binds the ports */
	CAP_SETGID, CAP_SETUID,	/* children become their users */
	CAP_SETPCAP,		/* children give up capabilities for good */
	CAP_SYS_ADMIN,		/* clone with a new pid namespace; tenant-jail: mounts */
	CAP_SYS_PTRACE,		/* pidfd_getfd of the listener from a living pool */
	CAP_SYS_RESOURCE,	/* rlimits above the hard ones; tenant-jail */
#ifdef MUTANTS
	CAP_MKNOD, CAP_SYS_CHROOT,	/* what only the cage shall take from its tenant */
#endif
};

struct tenantd {
	struct place place;
	struct adopt_store store;
	struct settings_run settings_run;
	struct pools pools;
	struct log_link log;
	struct net_link net;
	struct jobs jobs;
	struct execs execs;
	struct peers peers;
	struct verify verify;
	struct control_child control;
	int signals;
	struct loop_watch signal_watch;
	struct loop_timer watchdog, stop_limit;
	bool with_control;
	bool has_settings, is_started, is_stopping, is_late;
	bool is_outdated;	/* the configuration may have changed since it was read */
	struct err settings_err;
};

/* tenant-build has left the record that was refused where services find it; one
 * that starts anew shall go by what holds. */
static void put_back(const struct place *p)
{
	struct err err = { 0 };

	if (file_write(p->run_dir, SETTINGS_FILE, &p->settings, sizeof(p->settings), 0644, 0, 0,
		       &err) < 0)
		log_event(DAEMON_ERROR, "program=tenantd error='%s'", err.text);
}

static void read_again(struct tenantd *d)
{
	struct err err = { 0 };

	d->is_outdated = d->settings_run.child.pid != 0;
	if (!d->is_outdated && settings_run_start(&d->settings_run, &err) < 0)
		log_event(DAEMON_ERROR, "program=tenantd reload=refused error='%s'", err.text);
}

/* Also the first result, before there is anything to reload. */
static void on_settings(void *owner, const struct settings *record, const struct err *result)
{
	struct tenantd *d = owner;
	struct settings before = d->place.settings;
	struct err err = *result;

	d->has_settings = true;
	if (!d->is_started) {
		d->place.settings = *record;
		d->settings_err = err;
		return;
	}
	if (err.code == 0 && settings_apply(&d->place.settings, record, &err) == 0) {
		log_event(DAEMON_START, "program=tenantd reload='settings taken over'");
		net_link_reload(&d->net, &before);
	} else {
		log_event(DAEMON_ERROR, "program=tenantd reload=refused error='%s'", err.text);
		put_back(&d->place);
	}
	(void)notify_send("READY=1", NULL);	/* the manager waits no longer than it likes */
	if (d->is_outdated && !d->is_stopping)
		read_again(d);
}

static void reload(struct tenantd *d)
{
	log_link_reopen(&d->log);
	read_again(d);
}

static void on_stop_late(void *owner)
{
	struct tenantd *d = owner;

	d->is_late = true;
}

/* The pools stay as they are: the next supervisor finds them again. */
static void stop(struct tenantd *d)
{
	if (d->is_stopping)
		return;
	d->is_stopping = true;
	(void)notify_send("STOPPING=1", NULL);	/* display only */
	loop_timer_set(&d->place.loop, &d->stop_limit, STOP_LIMIT_MS);
	jobs_close(&d->jobs);
	if (d->with_control)
		control_child_stop(&d->control);
	log_link_stop(&d->log);
	net_link_stop(&d->net);
}

static void on_signal(void *owner, uint32_t events)
{
	struct tenantd *d = owner;
	struct signalfd_siginfo info;

	(void)events;
	if (read(d->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP && !d->is_started)
		d->is_outdated = true;
	else if (info.ssi_signo == SIGHUP)
		reload(d);
	else if (d->is_started)
		stop(d);
	else
		d->is_stopping = true;
}

static void on_watchdog(void *owner)
{
	struct tenantd *d = owner;

	(void)notify_send("WATCHDOG=1", NULL);	/* not hearing it is the point */
	loop_timer_set(&d->place.loop, &d->watchdog, notify_watchdog_ms());
}

/* Descriptors 0 to 2 must be something, or later ones would take their place. */
static int open_standard(struct place *p, struct err *err)
{
	int fd = -1;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0)
		return err_sys(err, "open /dev/null");
	p->null = fd;
	return 0;
}

static int take_signals(struct tenantd *d, struct err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, "block signals");
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals < 0)
		return err_sys(err, "take signals");
	d->signal_watch = (struct loop_watch){ .fd = d->signals, .on_event = on_signal,
					       .owner = d };
	return loop_watch_set(&d->place.loop, &d->signal_watch, EPOLLIN, err);
}

static int prepare(struct tenantd *d, struct err *err)
{
	struct rlimit files;

	(void)umask(0077);	/* what shall be open to others is said so */
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED, "tenantd must be started by root");
	if (!mutant_is_off("supervisor-powers") && caps_keep(needed, ARRAY_SIZE(needed), err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	/* A listener per tenant, and a few per warm one. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);	/* fewer tenants, no other harm */
	}
	return loop_init(&d->place.loop, err);
}

static int read_settings(struct tenantd *d, struct err *err)
{
	settings_run_init(&d->settings_run, &d->place, on_settings, d);
	if (settings_run_start(&d->settings_run, err) < 0)
		return -1;
	while (!d->has_settings)
		if (loop_run_once(&d->place.loop, err) < 0)
			return -1;
	*err = d->settings_err;
	return err->code == 0 ? 0 : -1;
}

static int start(struct tenantd *d, struct err *err)
{
	if (read_settings(d, err) < 0)
		return -1;
	if (d->is_stopping)		/* meanwhile: nothing was begun that had to be ended */
		return 0;
	if (place_open(&d->place, err) < 0 ||
	    pools_init(&d->pools, &d->place, &d->log, &d->net, err) < 0)
		return -1;
	log_link_init(&d->log, &d->place, &d->pools);
	net_link_init(&d->net, &d->place, &d->pools);
	execs_init(&d->execs, &d->pools);
	jobs_init(&d->jobs, &d->place, &d->pools, &d->peers);
	verify_init(&d->verify, &d->place, &d->pools, &d->peers);
	fault_point("tenantd.adopt");
	if (adopt_all(&d->pools, &d->store, err) < 0)
		return -1;
	net_link_adopted(&d->net);
	visits_begin(&d->log);
	if (facts_record(&d->pools, err) < 0)
		return -1;
	if (peers_init(&d->peers, &d->place, &d->pools, &d->jobs, &d->verify, &d->execs,
		       err) < 0)
		return -1;
	if (d->with_control && control_child_init(&d->control, &d->place, err) < 0)
		return -1;
	d->is_started = true;
	if (notify_watchdog_ms() > 0)
		on_watchdog(d);
	log_event(DAEMON_START, "program=tenantd version=%s tenants=%zu", TENANTD_VERSION,
		  d->pools.count);
	if (d->is_outdated)
		read_again(d);
	return notify_send("READY=1", err);
}

static bool has_stopped(const struct tenantd *d)
{
	return d->is_stopping && (d->is_late || !d->is_started ||
				  (jobs_is_idle(&d->jobs) && d->log.child.pid == 0 &&
				   d->net.child.pid == 0 &&
				   d->control.child.pid == 0));
}

static int serve(struct tenantd *d, struct err *err)
{
	while (!has_stopped(d))
		if (loop_run_once(&d->place.loop, err) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	static struct tenantd d;
	struct err err = { 0 };

	d.place.conf = CONF;
	d.watchdog = (struct loop_timer){ .on_time = on_watchdog, .owner = &d };
	d.stop_limit = (struct loop_timer){ .on_time = on_stop_late, .owner = &d };
	for (int c; (c = getopt(argc, argv, "c:x:C")) != -1;) {
		switch (c) {
		case 'c': d.place.conf = optarg; break;
		case 'x': d.place.libexec = optarg; break;
		case 'C': d.with_control = true; break;
		default: return program_usage("tenantd");
		}
	}
	if (optind != argc)
		return program_usage("tenantd");
	adopt_store_take(&d.store);
	if (open_standard(&d.place, &err) < 0 || prepare(&d, &err) < 0 ||
	    take_signals(&d, &err) < 0 || start(&d, &err) < 0 || serve(&d, &err) < 0) {
		log_event(DAEMON_ERROR, "program=tenantd error='%s'", err.text);
		return error_row(err.code)->exit_status;
	}
	log_event(DAEMON_STOP, "program=tenantd");
	return 0;
}
