/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-tree -r RUN_DIR -n NAME: holds the cgroup subtree of all pools.  It
 * stands between the service manager and the supervisor, so that the supervisor
 * can stop, crash and be replaced while pools go on.  Ending it ends all pools.
 *
 * It makes the subtree, or takes over the one that a killed predecessor left
 * there, writes the record RUN_DIR/tree, and sleeps until SIGTERM or SIGINT.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/str.h"
#include "sandbox/cgroup.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/programs.h"

#define LOCK_FILE CGROUP_TREE_FILE ".lock"

/* The top folder of a hierarchy is writable for nobody, root included; below it
 * files are root's.  Signals only where the kernel has no cgroup.kill. */
static const cap_value_t needed[] = { CAP_DAC_OVERRIDE, CAP_KILL };

/* One holder for each run folder, for as long as it lives: the kernel frees
 * the lock of a killed one. */
static int lock_take(int run_dir, int *out_fd, struct err *err)
{
	CLOSE_AT_EXIT int fd = openat(run_dir, LOCK_FILE,
				      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(err, "open '%s'", LOCK_FILE);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ?
		       err_set(err, ERR_CONFLICT, "another tenant-tree holds this run folder") :
		       err_sys(err, "lock '%s'", LOCK_FILE);
	*out_fd = fd_take(&fd);
	return 0;
}

static int hold(const char *path, int run_dir, const char *name, const sigset_t *stop,
		struct err *err)
{
	struct cgroup_tree tree, old;
	int signal_number = 0;
	bool has_old = cgroup_tree_load(path, &old, NULL) == 0;

	if (cgroup_tree_make(name, &tree, err) < 0 ||
	    (has_old && cgroup_tree_replace(&old, &tree, err) < 0))
		return -1;
	fault_point("tree.made");
	if (file_write(run_dir, CGROUP_TREE_FILE, &tree, sizeof(tree), 0644, 0, 0, err) < 0 ||
	    notify_send("READY=1", err) < 0) {
		(void)cgroup_tree_remove(&tree, NULL);	/* the first error is told */
		return -1;
	}
	log_event(DAEMON_START, "program=tenant-tree name=%s unified=%s", name,
		  tree.is_unified ? "yes" : "no");
	while (sigwait(stop, &signal_number) != 0)
		;
	log_event(DAEMON_STOP, "program=tenant-tree name=%s signal=%d", name, signal_number);
	(void)notify_send("STOPPING=1", NULL);	/* the manager waits for our end anyway */
	if (cgroup_tree_remove(&tree, err) < 0)
		return -1;
	fault_point("tree.removed");
	return file_remove(run_dir, CGROUP_TREE_FILE, err);
}

int main(int argc, char **argv)
{
	const char *path = NULL, *name = NULL;
	struct err err = { 0 };
	sigset_t stop;

	for (int c; (c = getopt(argc, argv, "r:n:")) != -1;) {
		switch (c) {
		case 'r': path = optarg; break;
		case 'n': name = optarg; break;
		default: return program_usage("tenant-tree");
		}
	}
	if (!path || !name || optind != argc)
		return program_usage("tenant-tree");
	/* Blocked from the start: a signal during the making is not lost. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	CLOSE_AT_EXIT int run_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLOSE_AT_EXIT int lock = -1;

	if (run_dir < 0)
		(void)err_sys(&err, "open '%s'", path);
	else if (caps_keep(needed, ARRAY_SIZE(needed), &err) == 0 &&
		 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		 lock_take(run_dir, &lock, &err) == 0 &&
		 hold(path, run_dir, name, &stop, &err) == 0)
		return 0;
	log_event(DAEMON_ERROR, "program=tenant-tree run_dir='%s' error=\"%s\"", path, err.text);
	return error_row(err.code)->exit_status;
}
