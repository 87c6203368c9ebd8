/* SPDX-License-Identifier: Apache-2.0 */
/* Which generation has a link: asking for it, hearing what came of it. */
#include "daemon/supervisor/net_link_inside.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/pool.h"
#include "schema/events.h"
#include "schema/states.h"

#define SWITCHED_OFF "net_enabled is off in tenantd.conf"

void net_link_set_reason(struct net_link *l, const char *text)
{
	if (strcmp(l->reason, text) != 0 && text[0])
		log_event(DAEMON_ERROR, "program=" NET_PROGRAM " error='%s'", text);
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
		note(p, g, LINK_MISSING,
		     l->reason[0] ? l->reason : NET_PROGRAM " is being started");
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		note(p, g, LINK_MISSING, strerror(errno));
		return -1;
	}
	CLOSE_AT_EXIT int ours = pair[0];
	CLOSE_AT_EXIT int theirs = pair[1];

	if (tell(l, NET_UP, p, slot_of(p, g), ours) < 0) {
		note(p, g, LINK_MISSING, NET_PROGRAM " does not keep up");
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

void net_link_sync(struct net_link *l)
{
	each_living(l, keep);
	(void)tell(l, NET_KEPT, NULL, 0, -1);	/* as above */
}

static void switch_off(struct net_link *l, struct pool *p, struct generation *g)
{
	(void)l;
	if (g->link != LINK_OFF)
		note(p, g, LINK_OFF, SWITCHED_OFF);
}

void net_link_switch_off(struct net_link *l)
{
	each_living(l, switch_off);
}

void net_link_adopted(struct net_link *l)
{
	l->is_adopting = false;
	if (l->sock >= 0)
		net_link_sync(l);
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

void net_link_take(struct net_link *l, const struct net_answer *a)
{
	switch ((enum net_answer_kind)a->kind) {
	case NET_READY:
		l->is_ready = a->is_good;
		l->note[0] = '\0';	/* it tells again what there is */
		net_link_set_reason(l, a->text);
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
			log_event(DAEMON_ERROR, "program=" NET_PROGRAM " error='%s'", l->note);
		break;
	case NET_LOST:
		(void)str_copy(l->lost, sizeof(l->lost), a->text);
		log_event(DAEMON_ERROR, "program=" NET_PROGRAM " error='%s'", l->lost);
		break;
	}
}

void net_link_facts(const struct net_link *l, struct wire_machine *out)
{
	out->network = !l->place->settings.net_enabled ? LINK_OFF : l->is_ready ? LINK_UP :
		       l->reason[0] ? LINK_MISSING : LINK_COMING;
	(void)str_copy(out->network_reason, sizeof(out->network_reason), l->reason);
	(void)str_copy(out->network_note, sizeof(out->network_note), l->note);
	(void)str_copy(out->network_lost, sizeof(out->network_lost), l->lost);
}
