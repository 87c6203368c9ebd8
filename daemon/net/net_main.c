/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-net: links of jails to the world, and the one nftables table that says
 * what may pass.  Its only capability is CAP_NET_ADMIN.  It enters no namespace, which
 * would need CAP_SYS_ADMIN: a jail hands over a netlink socket of its own one.
 *
 *   tenant-net serve           for the supervisor; descriptors as in enum net_fd
 *   tenant-net clear RUN_DIR   removes links and table after a supervisor's last
 *                              stop; nothing to do if there were none
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/net/forward.h"
#include "daemon/net/net_server.h"
#include "schema/errors.h"
#include "schema/events.h"

static int give_up_privileges(struct err *err)
{
	const cap_value_t needed[] = { CAP_NET_ADMIN };

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "confine this process");
	return caps_keep(needed, ARRAY_SIZE(needed), err);
}

/* The record of the settings with which the table was made tells its name. */
static int clear(struct net_server *p, const char *run_dir, struct err *err)
{
	CLOSE_AT_EXIT int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open folder '%s'", run_dir);
	if (file_read_record(dir, NET_RECORD, &p->settings, sizeof(p->settings), err) < 0)
		return err->sys == ENOENT ? 0 : err_wrap(err, "in '%s'", run_dir);
	if (settings_check(&p->settings, err) < 0 || give_up_privileges(err) < 0 ||
	    net_server_open(p, err) < 0)
		return -1;
	/* Links and table do not wait for one another.  The table does for what it opened: as long
	 * as that is not closed, its rule keeps others from being forwarded there. */
	if (lines_sweep(&p->lines, err) < 0)
		rc = -1;
	if (forward_close(&p->table, err) < 0 || net_table_remove(&p->table, err) < 0)
		rc = -1;
	if (rc == 0)
		rc = file_remove(dir, NET_RECORD, err);
	return rc;
}

int main(int argc, char **argv)
{
	static struct net_server p;
	struct err err = { 0 };
	int rc = 0;

	if (argc == 2 && strcmp(argv[1], "serve") == 0) {
		rc = settings_read(NET_FD_SETTINGS, &p.settings, &err) < 0 ||
		     give_up_privileges(&err) < 0 ? -1 : net_server_run(&p, &err);
	} else if (argc == 3 && strcmp(argv[1], "clear") == 0) {
		rc = clear(&p, argv[2], &err);
	} else {
		(void)fputs("usage: tenant-net serve | clear RUN_DIR\n", stderr);
		return 2;
	}
	net_server_close(&p);
	if (rc == 0)
		return 0;
	log_event(DAEMON_ERROR, "program=tenant-net error='%s'", err.text);
	return error_row(err.code)->exit_status;
}
