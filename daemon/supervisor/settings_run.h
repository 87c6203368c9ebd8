/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Having tenant-build read the configuration: at the start and at SIGHUP.  The
 * supervisor sees only the record that comes out.
 */
#ifndef DAEMON_SUPERVISOR_SETTINGS_RUN_H
#define DAEMON_SUPERVISOR_SETTINGS_RUN_H

#include "daemon/supervisor/child.h"

struct settings_run {
	struct child child;
	struct place *place;
	int pipe;
	/* Called at the end of each run; ERR's code is 0 if RECORD is right. */
	void (*on_done)(void *owner, const struct settings *record, const struct err *err);
	void *owner;
};

void settings_run_init(struct settings_run *r, struct place *p,
		       void (*on_done)(void *owner, const struct settings *record,
				       const struct err *err), void *owner);

int settings_run_start(struct settings_run *r, struct err *err);

#endif
