/* SPDX-License-Identifier: Apache-2.0 */
/* Starting tenant-control again whenever it ends. */
#include "daemon/supervisor/control_child.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "schema/events.h"

#define BACKLOG 64

static void start(struct control_child *c)
{
	struct spawn s = { .program = "tenant-control",
			   .arguments = { "-r", c->place->settings.run_dir },
			   .fds = c->listener, .fd_count = 2, .output = -1, .cgroup = -1,
			   .is_user = true, .uid = (uid_t)c->place->settings.control_uid,
			   .is_tied = true, .listeners = 2 };
	struct err err = { 0 };

	c->started_ms = loop_now_ms();
	if (child_start(&c->child, &s, 0, &err) == 0)
		return;
	log_event(DAEMON_ERROR, "program=tenant-control error='%s'", err.text);
	loop_timer_set(&c->place->loop, &c->restart, child_wait(&c->backoff, 0));
}

static void on_restart(void *owner)
{
	start(owner);
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct control_child *c = owner;
	char how[SPAWN_END_TEXT];

	if (c->is_stopping)
		return;
	spawn_end_text(end, how);
	log_event(CHILD_END, "program=tenant-control how='it %s'", how);
	loop_timer_set(&c->place->loop, &c->restart,
		       child_wait(&c->backoff, loop_now_ms() - c->started_ms));
}

int control_child_init(struct control_child *c, struct place *place, struct err *err)
{
	*c = (struct control_child){ .place = place,
				     .restart = { .on_time = on_restart, .owner = c } };
	child_init(&c->child, place, on_end, c);
	c->listener[0] = place_bind(place, place->run_dir, "", "control.sock", SOCK_STREAM,
				    BACKLOG, 0660, 0, (gid_t)place->settings.admin_gid, err);
	if (c->listener[0] < 0)
		return -1;
	c->listener[1] = place_bind(place, place->run_dir, "", "status.sock", SOCK_STREAM,
				    BACKLOG, 0660, 0, (gid_t)place->settings.web_gid, err);
	if (c->listener[1] < 0)
		return -1;
	start(c);
	return 0;
}

void control_child_stop(struct control_child *c)
{
	c->is_stopping = true;
	loop_timer_stop(&c->place->loop, &c->restart);
	child_signal(&c->child, SIGTERM);
}
