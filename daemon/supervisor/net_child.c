/* SPDX-License-Identifier: Apache-2.0 */
/* tenant-net as a process: started, heard, ended, started again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/net_link_inside.h"
#include "schema/errors.h"
#include "schema/events.h"

#define CLEAR_LIMIT_MS 30000
/* Where the kernel has no veth or nftables, trying again seldom helps. */
#define NOT_READY_WAIT_MS 60000
/* Room for a message to each of the most links that can be. */
#define QUEUE_BYTES (16 * 1024 * 1024)

static const char *const keys[] = { "net_enabled", "net_allow", "net_resolver", "net_connections",
				    "net_range", "net_table" };

static struct loop *loop_of(struct net_link *l)
{
	return &l->place->loop;
}

static void hear(struct net_link *l)
{
	struct net_answer a;

	while (l->sock >= 0) {
		size_t no_fds = 0;
		ssize_t n = fd_receive(l->sock, &a, sizeof(a), NULL, &no_fds);

		if (n < 0 && errno == EAGAIN)
			return;
		/* It ended without reading all: told once, before its last words. */
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n == sizeof(a) && str_is_terminated(a.text, sizeof(a.text))) {
			net_link_take(l, &a);
			continue;
		}
		loop_watch_stop(loop_of(l), &l->watch);
		fd_close(&l->sock);
		child_signal(&l->child, n == 0 ? SIGTERM : SIGKILL);
	}
}

static void on_answer(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

static int start_serving(struct net_link *l, struct err *err)
{
	const int room = QUEUE_BYTES;
	CLOSE_AT_EXIT int ours = -1;
	CLOSE_AT_EXIT int theirs = -1;

	/* First the record, so that what is made can be removed by anybody. */
	if (file_write(l->place->run_dir, NET_RECORD, &l->place->settings,
		       sizeof(l->place->settings), 0600, 0, 0, err) < 0)
		return -1;
	CLOSE_AT_EXIT int settings = fd_sealed("settings", &l->place->settings,
					       sizeof(l->place->settings), err);

	if (settings < 0)
		return -1;
	if (spawn_channel(&ours, &theirs, err) < 0)
		return -1;
	int fds[] = { theirs, settings };
	struct spawn s = { .program = NET_PROGRAM, .arguments = { "serve" }, .fds = fds,
			   .fd_count = ARRAY_SIZE(fds), .output = -1, .cgroup = -1,
			   .is_tied = true };

	/* A smaller queue serves fewer sites at once. */
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	l->watch.fd = ours;
	if (loop_watch_set(loop_of(l), &l->watch, EPOLLIN, err) < 0)
		return -1;
	if (child_start(&l->child, &s, 0, err) < 0) {
		loop_watch_stop(loop_of(l), &l->watch);
		return -1;
	}
	l->sock = fd_take(&ours);
	return 0;
}

/* True if there may be links and a table of other settings than now. */
static bool is_to_be_cleared(const struct net_link *l)
{
	const struct settings *now = &l->place->settings;
	struct settings then;
	struct stat st;

	if (fstatat(l->place->run_dir, NET_RECORD, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!now->net_enabled)
		return true;
	/* One of another version cannot be compared; its table has our name, or
	 * stays until somebody removes it. */
	return file_read_record(l->place->run_dir, NET_RECORD, &then, sizeof(then), NULL) == 0 &&
	       (strcmp(then.net_table, now->net_table) != 0 ||
		strcmp(then.net_range, now->net_range) != 0);
}

static void start(struct net_link *l)
{
	struct spawn clear = { .program = NET_PROGRAM,
			       .arguments = { "clear", l->place->settings.run_dir },
			       .output = -1, .cgroup = -1, .is_tied = true };
	struct err err = { 0 };
	int rc = 0;

	l->started_ms = loop_now_ms();
	l->is_ready = false;
	l->is_clearing = is_to_be_cleared(l);
	if (!l->place->settings.net_enabled)
		net_link_switch_off(l);
	if (l->is_clearing)
		rc = child_start(&l->child, &clear, CLEAR_LIMIT_MS, &err);
	else if (l->place->settings.net_enabled)
		rc = start_serving(l, &err);
	if (rc < 0) {
		net_link_set_reason(l, err.text);
		loop_timer_set(loop_of(l), &l->restart, child_wait(&l->backoff, 0));
	} else if (l->sock >= 0 && !l->is_adopting) {
		net_link_sync(l);
	}
}

static void on_restart(void *owner)
{
	start(owner);
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct net_link *l = owner;
	bool was_clearing = l->is_clearing;
	bool is_good = end->is_known && !end->is_signal && end->status == 0;
	char how[SPAWN_END_TEXT];

	hear(l);		/* its last words */
	loop_watch_stop(loop_of(l), &l->watch);
	fd_close(&l->sock);
	if (l->is_stopping)
		return;
	if (is_good && was_clearing && !l->is_reloading && !l->place->settings.net_enabled)
		return;		/* all is cleared away */
	spawn_end_text(end, how);
	if (!is_good)
		log_event(CHILD_END, "program=" NET_PROGRAM " how='it %s'", how);
	if (l->is_reloading || (is_good && was_clearing)) {
		l->is_reloading = false;
		start(l);
	} else if (is_good && !l->is_ready) {
		loop_timer_set(loop_of(l), &l->restart, NOT_READY_WAIT_MS);
	} else {
		if (!l->reason[0])
			net_link_set_reason(l, NET_PROGRAM " ended and is being started again");
		loop_timer_set(loop_of(l), &l->restart,
			       child_wait(&l->backoff, loop_now_ms() - l->started_ms));
	}
}

void net_link_reload(struct net_link *l, const struct settings *before)
{
	const struct settings *now = &l->place->settings;
	bool is_same = before->allow_mail_ports == now->allow_mail_ports;

	for (int i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		const char *a = (const char *)before + row->offset;
		const char *b = (const char *)now + row->offset;

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (strcmp(keys[k], row->key) == 0 &&
			    (row->type == SETTING_WORDS ? strcmp(a, b) != 0 :
			     memcmp(a, b, sizeof(uint64_t)) != 0))
				is_same = false;
	}
	if (is_same || l->is_stopping)
		return;
	/* The new one replaces the table as a whole, in one step of the kernel's. */
	loop_timer_stop(loop_of(l), &l->restart);
	l->is_reloading = l->child.pid != 0;
	if (l->is_reloading)
		child_signal(&l->child, SIGTERM);
	else
		start(l);
}

void net_link_stop(struct net_link *l)
{
	l->is_stopping = true;
	loop_timer_stop(loop_of(l), &l->restart);
	child_signal(&l->child, SIGTERM);
}

void net_link_init(struct net_link *l, struct place *place, struct pools *pools)
{
	*l = (struct net_link){ .place = place, .pools = pools, .sock = -1, .is_adopting = true,
				.watch = { .fd = -1, .on_event = on_answer, .owner = l },
				.restart = { .on_time = on_restart, .owner = l } };
	child_init(&l->child, place, on_end, l);
	start(l);
}
