/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping tenant-net alive, telling it what to do, hearing what came of it. */
#include "daemon/supervisor/net_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/pool.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/net_wire.h"
#include "schema/states.h"

#define PROGRAM "tenant-net"
#define SWITCHED_OFF "net_enabled is off in tenantd.conf"
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

static void set_reason(struct net_link *l, const char *text)
{
	if (strcmp(l->reason, text) != 0 && text[0])
		log_event(DAEMON_ERROR, "program=" PROGRAM " error='%s'", text);
	(void)str_format(l->reason, sizeof(l->reason), "%.*s", (int)sizeof(l->reason) - 1, text);
}

/* A tenant-net that does not keep up is of no use: the next one is told all. */
static int tell(struct net_link *l, enum net_verb verb, const struct pool *p, uint32_t slot,
		int fd)
{
	struct net_message m = {
		.verb = verb, .number = p ? p->number : 0, .slot = slot,
		.mail_is_open = p && p->spec.mail_is_open && l->place->settings.allow_mail_ports,
	};

	if (l->sock < 0)
		return -1;
	if (fd_send(l->sock, &m, sizeof(m), &fd, fd >= 0) == 0)
		return 0;
	child_signal(&l->child, SIGKILL);
	return -1;
}

static uint32_t slot_of(const struct pool *p, const struct generation *g)
{
	return (uint32_t)(g - p->slot);
}

static void note(struct pool *p, struct generation *g, enum link_state state, const char *reason)
{
	g->link = state;
	(void)str_format(p->link_reason, sizeof(p->link_reason), "%.*s",
			 (int)sizeof(p->link_reason) - 1, reason);
	if (state == LINK_MISSING)
		log_event(DAEMON_ERROR, "tenant=%u site=%s generation=%u error='no link to the "
			  "world: %s'", p->number, p->spec.site, g->id, reason);
}

int net_link_want(struct net_link *l, struct pool *p, struct generation *g)
{
	int pair[2];

	g->link = LINK_OFF;
	p->link_reason[0] = '\0';
	if (!p->spec.has_network)
		return -1;
	if (!l->place->settings.net_enabled) {
		(void)str_copy(p->link_reason, sizeof(p->link_reason), SWITCHED_OFF);
		return -1;
	}
	if (l->sock < 0) {
		note(p, g, LINK_MISSING, l->reason[0] ? l->reason : PROGRAM " is being started");
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		note(p, g, LINK_MISSING, strerror(errno));
		return -1;
	}
	CLOSE_AT_EXIT int ours = pair[0];
	CLOSE_AT_EXIT int theirs = pair[1];

	if (tell(l, NET_UP, p, slot_of(p, g), ours) < 0) {
		note(p, g, LINK_MISSING, PROGRAM " does not keep up");
		return -1;
	}
	note(p, g, LINK_COMING, "");
	g->is_asked_for = true;
	return fd_take(&theirs);
}

void net_link_drop(struct net_link *l, struct pool *p, struct generation *g)
{
	if (g->link != LINK_OFF)
		(void)tell(l, NET_DOWN, p, slot_of(p, g), -1);	/* else the next one's sweep */
	g->link = LINK_OFF;
}

void net_link_follow(struct net_link *l, struct pool *p)
{
	(void)tell(l, NET_MAIL, p, 0, -1);	/* else the next one is told */
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++)
		if (p->slot[i].id != 0 && !p->spec.has_network)
			net_link_drop(l, p, &p->slot[i]);
}

void net_link_forget(struct net_link *l, uint32_t number)
{
	struct pool gone = { .number = number };

	(void)tell(l, NET_FORGET, &gone, 0, -1);	/* only counters that nobody asks for */
}

static void each_living(struct net_link *l, void (*each)(struct net_link *l, struct pool *p,
							 struct generation *g))
{
	for (size_t i = 0; i < l->pools->count; i++) {
		struct pool *p = l->pools->at[i];

		for (size_t k = 0; k < ARRAY_SIZE(p->slot); k++)
			if (p->slot[k].id != 0)
				each(l, p, &p->slot[k]);
	}
}

static void keep(struct net_link *l, struct pool *p, struct generation *g)
{
	if (!p->spec.has_network)
		return;		/* the sweep takes what it may have */
	g->link = LINK_COMING;
	g->is_asked_for = false;
	(void)tell(l, NET_KEEP, p, slot_of(p, g), -1);	/* else it is killed */
}

static void sync_all(struct net_link *l)
{
	each_living(l, keep);
	(void)tell(l, NET_KEPT, NULL, 0, -1);	/* as above */
}

void net_link_adopted(struct net_link *l)
{
	l->is_adopting = false;
	if (l->sock >= 0)
		sync_all(l);
}

/* Whether the link of a generation is there, as asked by UP or KEEP. */
static void take_link(struct net_link *l, const struct net_answer *a)
{
	struct pool *p = pools_find(l->pools, a->number);
	struct generation *g = p && a->slot < ARRAY_SIZE(p->slot) ? &p->slot[a->slot] : NULL;

	if (!g || g->id == 0 || g->link == LINK_OFF)
		return;
	bool was_kept = !g->is_asked_for;

	g->is_asked_for = false;
	note(p, g, a->is_good ? LINK_UP : LINK_MISSING, a->text);
	/* It was started by a supervisor, or at a time, without a tenant-net. */
	if (!a->is_good && was_kept && g == p->now)
		pool_replace(p);
}

static void take_counts(struct net_link *l, const struct net_answer *a)
{
	struct pool *p = pools_find(l->pools, a->number);

	if (!p)
		return;
	p->sent_bytes = a->sent_bytes;
	p->sent_packets = a->sent_packets;
	p->received_bytes = a->received_bytes;
	p->received_packets = a->received_packets;
	p->refused_packets = a->refused_packets;
}

static void take(struct net_link *l, const struct net_answer *a)
{
	switch ((enum net_answer_kind)a->kind) {
	case NET_READY:
		l->is_ready = a->is_good;
		l->note[0] = '\0';	/* it tells again what there is */
		set_reason(l, a->text);
		break;
	case NET_LINK:
		take_link(l, a);
		break;
	case NET_COUNTS:
		take_counts(l, a);
		break;
	case NET_NOTE:
		(void)str_copy(l->note, sizeof(l->note), a->text);
		if (l->note[0])
			log_event(DAEMON_ERROR, "program=" PROGRAM " error='%s'", l->note);
		break;
	case NET_LOST:
		(void)str_copy(l->lost, sizeof(l->lost), a->text);
		log_event(DAEMON_ERROR, "program=" PROGRAM " error='%s'", l->lost);
		break;
	}
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
			take(l, &a);
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
	int pair[2];

	/* First the record, so that what is made can be removed by anybody. */
	if (file_write(l->place->run_dir, NET_RECORD, &l->place->settings,
		       sizeof(l->place->settings), 0600, 0, 0, err) < 0)
		return -1;
	CLOSE_AT_EXIT int settings = fd_sealed("settings", &l->place->settings,
					       sizeof(l->place->settings), err);

	if (settings < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	CLOSE_AT_EXIT int ours = pair[0];
	CLOSE_AT_EXIT int theirs = pair[1];
	int fds[] = { theirs, settings };
	struct spawn s = { .program = PROGRAM, .arguments = { "serve" }, .fds = fds,
			   .fd_count = ARRAY_SIZE(fds), .output = -1, .cgroup = -1,
			   .is_tied = true };

	/* A smaller queue serves fewer sites at once. */
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	l->watch.fd = ours;
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "set up a socket pair");
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

static void switch_off(struct net_link *l, struct pool *p, struct generation *g)
{
	(void)l;
	if (g->link != LINK_OFF)
		note(p, g, LINK_OFF, SWITCHED_OFF);
}

static void start(struct net_link *l)
{
	struct spawn clear = { .program = PROGRAM,
			       .arguments = { "clear", l->place->settings.run_dir },
			       .output = -1, .cgroup = -1, .is_tied = true };
	struct err err = { 0 };
	int rc = 0;

	l->started_ms = loop_now_ms();
	l->is_ready = false;
	l->is_clearing = is_to_be_cleared(l);
	if (!l->place->settings.net_enabled)
		each_living(l, switch_off);
	if (l->is_clearing)
		rc = child_start(&l->child, &clear, CLEAR_LIMIT_MS, &err);
	else if (l->place->settings.net_enabled)
		rc = start_serving(l, &err);
	if (rc < 0) {
		set_reason(l, err.text);
		loop_timer_set(loop_of(l), &l->restart, child_wait(&l->backoff, 0));
	} else if (l->sock >= 0 && !l->is_adopting) {
		sync_all(l);
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
		log_event(CHILD_END, "program=" PROGRAM " how='it %s'", how);
	if (l->is_reloading || (is_good && was_clearing)) {
		l->is_reloading = false;
		start(l);
	} else if (is_good && !l->is_ready) {
		loop_timer_set(loop_of(l), &l->restart, NOT_READY_WAIT_MS);
	} else {
		if (!l->reason[0])
			set_reason(l, PROGRAM " ended and is being started again");
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

void net_link_facts(const struct net_link *l, struct wire_machine *out)
{
	out->network = !l->place->settings.net_enabled ? LINK_OFF : l->is_ready ? LINK_UP :
		       l->reason[0] ? LINK_MISSING : LINK_COMING;
	(void)str_copy(out->network_reason, sizeof(out->network_reason), l->reason);
	(void)str_copy(out->network_note, sizeof(out->network_note), l->note);
	(void)str_copy(out->network_lost, sizeof(out->network_lost), l->lost);
}

void net_link_init(struct net_link *l, struct place *place, struct pools *pools)
{
	*l = (struct net_link){ .place = place, .pools = pools, .sock = -1, .is_adopting = true,
				.watch = { .fd = -1, .on_event = on_answer, .owner = l },
				.restart = { .on_time = on_restart, .owner = l } };
	child_init(&l->child, place, on_end, l);
	start(l);
}
