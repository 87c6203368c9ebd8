/* SPDX-License-Identifier: Apache-2.0 */
/* Serving: who asks for what, and what is told without being asked. */
#include "daemon/net/net_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/net/forward.h"
#include "schema/events.h"

#define TICK_MS 5000
#define TICKS_PER_LOOK 12	/* between two looks at other firewalls */

static void complain(const char *what, const struct err *err)
{
	log_event(DAEMON_ERROR, "program=tenant-net error='%s: %s'", what, err->text);
}

/* Blocks while the supervisor is busy, which always listens. */
static void answer(struct net_server *p, const struct net_answer *a)
{
	if (send(p->link.fd, a, sizeof(*a), MSG_NOSIGNAL) < 0)
		p->is_ended = true;
}

static void count(struct net_server *p);

static void on_line_end(void *owner, uint32_t number, uint32_t slot, const char *reason)
{
	struct net_answer a = { .kind = NET_LINK, .number = number, .slot = slot,
				.is_good = !*reason };

	(void)snprintf(a.text, sizeof(a.text), "%s", reason);	/* cut: it is for people */
	answer(owner, &a);
	if (*reason)
		count(owner);	/* it may be for want of the table */
}

static void tell_counts(const struct net_counts *c, void *arg)
{
	struct net_answer a = { .kind = NET_COUNTS, .number = c->number, .is_good = 1,
				.sent_bytes = c->sent_bytes, .sent_packets = c->sent_packets,
				.received_bytes = c->received_bytes,
				.received_packets = c->received_packets,
				.refused_packets = c->refused_packets };

	answer(arg, &a);
}

static int load(struct net_server *p, struct err *err)
{
	return net_table_load(&p->table, err) < 0 || net_table_guard(&p->table, err) < 0 ||
	       forward_open(&p->table, err) < 0 ? -1 : 0;
}

/* Somebody has removed rules of ours; the guard has closed all links since then. */
static void restore(struct net_server *p, const char *who)
{
	struct net_answer a = { .kind = NET_LOST, .is_good = 1 };
	struct err err = { 0 };
	char ignored[NET_WATCH_WHO];

	forward_lost(&p->table);
	if (load(p, &err) < 0 || lines_admit(&p->lines, &err) < 0) {
		/* We end, and the guard with us. */
		complain("our rules are gone and cannot be loaded again; links are cut", &err);
		lines_cut(&p->lines);
		p->is_ended = true;
		return;
	}
	(void)net_watch_read(&p->watch, ignored);	/* what we did ourselves */
	(void)str_format(a.text, sizeof(a.text), "%s removed nftables rules of ours; they were "
			 "loaded again at once, sites had no network meanwhile",
			 *who ? who : "another program");
	answer(p, &a);
}

static void on_change(void *owner, uint32_t events)
{
	struct net_server *p = owner;
	char who[NET_WATCH_WHO];

	(void)events;
	if (net_watch_read(&p->watch, who))
		restore(p, who);
}

/* Where the table cannot be read, its end was not yet heard of. */
static void count(struct net_server *p)
{
	char who[NET_WATCH_WHO];
	struct err err = { 0 };

	if (net_counter_read(&p->counter, &p->table, &p->lines.range, tell_counts, p, &err) < 0) {
		complain("our table cannot be read", &err);
		(void)net_watch_read(&p->watch, who);	/* it may wait to be read */
		restore(p, who);
	}
}

/* Tells of other firewalls, when what there is to tell has changed. */
static void look_round(struct net_server *p)
{
	struct net_answer a = { .kind = NET_NOTE };
	char rivals[128];
	struct err err = { 0 };

	if (net_table_rivals(&p->table, rivals, sizeof(rivals), &err) < 0) {
		complain("look at other tables", &err);
		return;
	}
	a.is_good = !rivals[0];
	if (rivals[0])
		(void)str_format(a.text, sizeof(a.text), "another firewall drops forwarded packets "
				 "unless told otherwise: chain %s; let it accept those from and "
				 "to interfaces '" NET_LINKS "*'", rivals);
	if (strcmp(a.text, p->note) == 0)
		return;
	(void)str_copy(p->note, sizeof(p->note), a.text);
	answer(p, &a);
}

static void want_tick(struct net_server *p)
{
	if (!p->tick.is_set && lines_are_used(&p->lines))
		loop_timer_set(&p->loop, &p->tick, TICK_MS);
}

static void on_tick(void *owner)
{
	struct net_server *p = owner;
	struct err err = { 0 };

	count(p);
	/* The host may have begun or ceased to forward by itself. */
	if (forward_open(&p->table, &err) < 0)
		complain("forwarding", &err);
	if (++p->ticks % TICKS_PER_LOOK == 0)
		look_round(p);
	want_tick(p);
}

/* 0, or -1 where the supervisor sent what it never sends. */
static int take(struct net_server *p, const struct net_message *m, int *fd)
{
	struct err err = { 0 };

	if (m->slot >= NET_SLOTS || (m->verb == NET_UP) != (*fd >= 0))
		return -1;
	switch ((enum net_verb)m->verb) {
	case NET_UP:
		lines_make(&p->lines, m->number, m->slot, m->mail_is_open, fd_take(fd));
		break;
	case NET_KEEP:
		lines_keep(&p->lines, m->number, m->slot, m->mail_is_open);
		break;
	case NET_KEPT:
		if (lines_sweep(&p->lines, &err) < 0)
			complain("remove old links", &err);
		count(p);
		look_round(p);
		break;
	case NET_MAIL:
		if (lines_mail(&p->lines, m->number, m->mail_is_open, &err) < 0)
			complain("mail ports", &err);
		break;
	case NET_DOWN:
		count(p);
		lines_drop(&p->lines, m->number, m->slot);
		break;
	case NET_FORGET:
		if (lines_forget(&p->lines, m->number, &err) < 0)
			complain("forget a tenant", &err);
		break;
	default:
		return -1;
	}
	want_tick(p);
	return 0;
}

static void on_message(void *owner, uint32_t events)
{
	struct net_server *p = owner;
	struct net_message m;
	CLOSE_AT_EXIT int fd = -1;
	size_t count_fds = 1;
	ssize_t n = fd_receive(p->link.fd, &m, sizeof(m), &fd, &count_fds);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof(m) && take(p, &m, &fd) == 0)
		return;
	if (n != 0)
		log_event(PEER_REFUSED, "program=tenant-net error='a message of %zd bytes'", n);
	p->is_ended = true;
}

static void on_signal(void *owner, uint32_t events)
{
	struct net_server *p = owner;

	(void)events;
	p->is_ended = true;
}

int net_server_open(struct net_server *p, struct err *err)
{
	if (net_range_parse(p->settings.net_range, &p->lines.range, err) < 0 ||
	    veth_open(&p->veth, err) < 0 || net_table_open(&p->table, &p->settings, err) < 0)
		return -1;
	p->lines.loop = &p->loop;
	p->lines.table = &p->table;
	p->lines.veth = &p->veth;
	p->lines.on_end = on_line_end;
	p->lines.owner = p;
	return 0;
}

void net_server_close(struct net_server *p)
{
	net_counter_free(&p->counter);
	net_watch_close(&p->watch);
	net_table_close(&p->table);
	veth_close(&p->veth);
}

static int prepare(struct net_server *p, struct err *err)
{
	sigset_t stop;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	int signals = signalfd(-1, &stop, SFD_CLOEXEC);

	if (signals < 0)
		return err_sys(err, "take signals");
	if (loop_init(&p->loop, err) < 0)
		return -1;
	p->signals = (struct loop_watch){ .fd = signals, .on_event = on_signal, .owner = p };
	p->link = (struct loop_watch){ .fd = NET_FD_LINK, .on_event = on_message, .owner = p };
	p->changes = (struct loop_watch){ .fd = -1, .on_event = on_change, .owner = p };
	p->tick = (struct loop_timer){ .on_time = on_tick, .owner = p };
	if (loop_watch_set(&p->loop, &p->signals, EPOLLIN, err) < 0)
		return -1;
	return loop_watch_set(&p->loop, &p->link, EPOLLIN, err);
}

int net_server_run(struct net_server *p, struct err *err)
{
	struct net_answer ready = { .kind = NET_READY, .is_good = 1 };

	if (prepare(p, err) < 0)
		return -1;
	if (net_server_open(p, err) < 0 || load(p, err) < 0 ||
	    net_watch_open(&p->watch, p->settings.net_table, &p->changes.fd, err) < 0 ||
	    loop_watch_set(&p->loop, &p->changes, EPOLLIN, err) < 0) {
		/* The supervisor shows why, and starts pools without links. */
		ready.is_good = 0;
		(void)snprintf(ready.text, sizeof(ready.text), "%s", err->text);	/* cut */
		answer(p, &ready);
		return 0;
	}
	answer(p, &ready);
	while (!p->is_ended)
		if (loop_run_once(&p->loop, err) < 0)
			return -1;
	return 0;
}
