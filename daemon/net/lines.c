/* SPDX-License-Identifier: Apache-2.0 */
/* From the message to the link. */
#include "daemon/net/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/net/forward.h"
#include "daemon/net/net_rules.h"

#define JAIL_LIMIT_MS 30000	/* until the jail brings its socket */
/* Most links vanish with their jail's namespace before this; removing one takes
 * the kernel 20 ms, which others would wait for. */
#define REMOVE_AFTER_MS 1000

struct line {
	struct line *next;
	struct lines *lines;
	uint32_t number, slot;
	bool mail_is_open, is_leaving;
	struct loop_watch jail;		/* fd -1: nothing is awaited */
	struct loop_timer timer;
};

static void line_free(struct line *line)
{
	struct lines *l = line->lines;

	for (struct line **at = &l->first; *at; at = &(*at)->next)
		if (*at == line) {
			*at = line->next;
			break;
		}
	loop_watch_stop(l->loop, &line->jail);
	loop_timer_stop(l->loop, &line->timer);
	fd_close(&line->jail.fd);
	free(line);
}

static struct line *find(struct lines *l, uint32_t number, uint32_t slot)
{
	struct line *line = l->first;

	while (line && (line->number != number || line->slot != slot))
		line = line->next;
	return line;
}

static int put_address(struct lines *l, const char *set, uint32_t address, bool is_in,
		       struct err *err)
{
	char text[NET_ADDRESS_TEXT];

	net_address_text(address, text);
	return net_table_put(l->table, set, text, is_in, err);
}

int lines_mail(struct lines *l, uint32_t number, bool is_open, struct err *err)
{
	uint32_t block = 0;

	for (struct line *line = l->first; line; line = line->next)
		if (line->number == number)
			line->mail_is_open = is_open;
	return net_address(&l->range, number, 0, &block, err) < 0 ? -1 :
	       put_address(l, NET_SET_MAIL, block, is_open, err);
}

int lines_forget(struct lines *l, uint32_t number, struct err *err)
{
	const char *const sets[] = { NET_SET_MAIL, NET_SET_SENT, NET_SET_RECEIVED,
				     NET_SET_REFUSED };
	uint32_t block = 0;

	if (net_address(&l->range, number, 0, &block, NULL) < 0)
		return 0;	/* it never had one */
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (put_address(l, sets[i], block, false, err) < 0)
			return -1;
	return 0;
}

/* Lets packets of the link pass, or no longer. */
static int admit(struct lines *l, const char *name, uint32_t address, bool is_in,
		 struct err *err)
{
	char element[NET_NAME_MAX + NET_ADDRESS_TEXT + 8], text[NET_ADDRESS_TEXT];

	net_address_text(address, text);
	(void)str_format(element, sizeof(element), "\"%s\" . %s", name, text);	/* fits */
	return net_table_put(l->table, NET_SET_LINKS, element, is_in, err);
}

static int make(struct line *line, int socket_of_jail, struct err *err)
{
	struct lines *l = line->lines;
	char name[NET_NAME_MAX];
	uint32_t address = 0;

	net_link_name(line->number, line->slot, name);
	if (net_address(&l->range, line->number, line->slot, &address, err) < 0 ||
	    veth_make(l->veth, name, address, socket_of_jail, err) < 0)
		return -1;
	fault_point("net.made");
	if (forward_link(name, err) < 0 || forward_open(l->table, err) < 0 ||
	    lines_mail(l, line->number, line->mail_is_open, err) < 0 ||
	    admit(l, name, address, true, err) < 0) {
		(void)veth_remove(l->veth, name, NULL);	/* the first failure tells more */
		return -1;
	}
	fault_point("net.admitted");
	return 0;
}

static void end(struct line *line, const char *reason)
{
	struct lines *l = line->lines;
	uint32_t number = line->number, slot = line->slot;

	if (*reason)
		line_free(line);
	l->on_end(l->owner, number, slot, reason);
}

static void on_jail(void *owner, uint32_t events)
{
	struct line *line = owner;
	CLOSE_AT_EXIT int jail = -1;
	size_t count = 1;
	char byte = 0;
	struct err err = { 0 };
	ssize_t n = fd_receive(line->jail.fd, &byte, 1, &jail, &count);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != 1 || count != 1) {
		end(line, "the jail ended before its link was made");
		return;
	}
	if (make(line, jail, &err) < 0) {
		end(line, err.text);
		return;
	}
	/* The jail may have stopped waiting. */
	(void)send(line->jail.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	loop_timer_stop(line->lines->loop, &line->timer);
	loop_watch_stop(line->lines->loop, &line->jail);
	fd_close(&line->jail.fd);
	end(line, "");
}

static void on_time(void *owner)
{
	struct line *line = owner;
	char name[NET_NAME_MAX];

	if (!line->is_leaving) {
		end(line, "the jail did not ask for its link in time");
		return;
	}
	net_link_name(line->number, line->slot, name);
	(void)veth_remove(line->lines->veth, name, NULL);	/* the next sweep tries again */
	line_free(line);
}

/* A fresh entry; NULL without memory. */
static struct line *line_new(struct lines *l, uint32_t number, uint32_t slot, int jail)
{
	struct line *line = find(l, number, slot);

	if (line)
		line_free(line);
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->lines = l;
	line->number = number;
	line->slot = slot;
	line->jail = (struct loop_watch){ .fd = jail, .on_event = on_jail, .owner = line };
	line->timer = (struct loop_timer){ .on_time = on_time, .owner = line };
	line->next = l->first;
	l->first = line;
	return line;
}

void lines_make(struct lines *l, uint32_t number, uint32_t slot, bool mail_is_open, int jail)
{
	struct line *line = line_new(l, number, slot, jail);
	struct err err = { 0 };

	if (!line) {
		fd_close(&jail);
		l->on_end(l->owner, number, slot, "no memory for a link");
		return;
	}
	line->mail_is_open = mail_is_open;
	if (loop_watch_set(l->loop, &line->jail, EPOLLIN, &err) < 0) {
		end(line, err.text);
		return;
	}
	loop_timer_set(l->loop, &line->timer, JAIL_LIMIT_MS);
}

void lines_keep(struct lines *l, uint32_t number, uint32_t slot, bool mail_is_open)
{
	char name[NET_NAME_MAX];
	uint32_t address = 0;
	struct err err = { 0 };
	struct line *line = NULL;

	net_link_name(number, slot, name);
	if (net_address(&l->range, number, slot, &address, &err) < 0 ||
	    veth_keep(l->veth, name, address, &err) < 0 || forward_link(name, &err) < 0 ||
	    lines_mail(l, number, mail_is_open, &err) < 0 ||
	    admit(l, name, address, true, &err) < 0 || !(line = line_new(l, number, slot, -1))) {
		l->on_end(l->owner, number, slot, err.code ? err.text : "no memory for a link");
		return;
	}
	line->mail_is_open = mail_is_open;
	l->on_end(l->owner, number, slot, "");
}

void lines_drop(struct lines *l, uint32_t number, uint32_t slot)
{
	struct line *line = line_new(l, number, slot, -1);
	char name[NET_NAME_MAX];
	uint32_t address = 0;

	net_link_name(number, slot, name);
	/* If one of these fails, the link still goes, and the next load of the
	 * table empties the set. */
	if (net_address(&l->range, number, slot, &address, NULL) == 0)
		(void)admit(l, name, address, false, NULL);
	if (!line) {
		(void)veth_remove(l->veth, name, NULL);
		return;
	}
	line->is_leaving = true;
	loop_timer_set(l->loop, &line->timer, REMOVE_AFTER_MS);
}

struct sweep {
	struct lines *lines;
	struct text names;
};

static void collect(const char *name, void *arg)
{
	struct sweep *s = arg;
	uint32_t number = 0, slot = 0;

	if (net_link_parse(name, &number, &slot) == 0 && !find(s->lines, number, slot))
		text_add(&s->names, "%s\n", name);
}

int lines_sweep(struct lines *l, struct err *err)
{
	struct sweep s = { .lines = l };
	char *rest = NULL;
	int rc = veth_each(l->veth, collect, &s, err);

	for (char *name = rc == 0 && s.names.data ? strtok_r(s.names.data, "\n", &rest) : NULL;
	     name; name = strtok_r(NULL, "\n", &rest))
		if (veth_remove(l->veth, name, err) < 0)
			rc = -1;
	text_free(&s.names);
	return rc;
}

int lines_admit(struct lines *l, struct err *err)
{
	for (struct line *line = l->first; line; line = line->next) {
		char name[NET_NAME_MAX];
		uint32_t address = 0;

		if (line->jail.fd >= 0 || line->is_leaving)
			continue;	/* not yet made, or closed already */
		net_link_name(line->number, line->slot, name);
		if (net_address(&l->range, line->number, line->slot, &address, err) < 0 ||
		    lines_mail(l, line->number, line->mail_is_open, err) < 0 ||
		    admit(l, name, address, true, err) < 0)
			return -1;
	}
	return 0;
}

void lines_cut(struct lines *l)
{
	for (struct line *line = l->first; line; line = line->next) {
		char name[NET_NAME_MAX];

		net_link_name(line->number, line->slot, name);
		(void)veth_remove(l->veth, name, NULL);	/* the others all the same */
	}
}

bool lines_are_used(const struct lines *l)
{
	return l->first;
}
