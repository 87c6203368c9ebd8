/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `tenant-build settings`. */
#include "daemon/supervisor/settings_run.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"

#define LIMIT_MS 30000

static void on_end(void *owner, const struct spawn_end *end)
{
	struct settings_run *r = owner;
	struct settings record = { 0 };
	struct err err = { 0 };
	char how[SPAWN_END_TEXT];

	spawn_end_text(end, how);
	if (r->child.is_late)
		(void)err_set(&err, ERR_FAILED, "tenant-build did not read '%s' within %d s",
			      r->place->conf, LIMIT_MS / 1000);
	else if (!end->is_known || end->is_signal || end->status != 0)
		(void)err_set(&err, ERR_BAD_CONFIG, "tenant-build, which reads '%s', %s; see the "
			      "line before", r->place->conf, how);
	else if (settings_read(r->pipe, &record, &err) < 0)
		(void)err_wrap(&err, "from tenant-build");
	fd_close(&r->pipe);
	r->on_done(r->owner, &record, &err);
}

void settings_run_init(struct settings_run *r, struct place *p,
		       void (*on_done)(void *owner, const struct settings *record,
				       const struct err *err), void *owner)
{
	*r = (struct settings_run){ .place = p, .pipe = -1, .on_done = on_done, .owner = owner };
	child_init(&r->child, p, on_end, r);
}

int settings_run_start(struct settings_run *r, struct err *err)
{
	int ends[2];

	if (r->child.pid != 0)
		return err_set(err, ERR_BUSY, "the configuration is being read already");
	/* The record is smaller than a pipe: it can wait there for the end. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "make a pipe");
	CLOSE_AT_EXIT int theirs = ends[1];
	struct spawn s = { .program = "tenant-build", .arguments = { "settings", r->place->conf },
			   .fds = &theirs, .fd_count = 1, .output = -1, .cgroup = -1,
			   .is_tied = true };

	r->pipe = ends[0];
	if (child_start(&r->child, &s, LIMIT_MS, err) < 0) {
		fd_close(&r->pipe);
		return -1;
	}
	return 0;
}
