/* SPDX-License-Identifier: Apache-2.0 */
/* The group NFNLGRP_NFTABLES of nfnetlink. */
#include "daemon/net/net_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/str.h"

#define BUFFER (64 * 1024)

struct hearing {
	const char *table;
	char *who;
	bool is_lost;
};

int net_watch_open(struct net_watch *w, const char *table, int *out_fd, struct err *err)
{
	int group = NFNLGRP_NFTABLES;

	w->table = table;
	w->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->sock || mnl_socket_bind(w->sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(w->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_sys(err, "listen for changes of nftables");
	*out_fd = mnl_socket_get_fd(w->sock);
	return 0;
}

void net_watch_close(struct net_watch *w)
{
	if (w->sock)
		(void)mnl_socket_close(w->sock);	/* read only */
	w->sock = NULL;
}

/* Each kind of message names its table in its first attribute. */
_Static_assert((int)NFTA_TABLE_NAME == NFTA_CHAIN_TABLE && (int)NFTA_TABLE_NAME == NFTA_RULE_TABLE,
	       "one attribute for the table");

static int take_removed(const struct nlattr *attribute, void *arg)
{
	struct hearing *h = arg;

	if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 &&
	    strcmp(mnl_attr_get_str(attribute), h->table) == 0)
		h->is_lost = true;
	return MNL_CB_OK;
}

/* The end of a transaction tells whose it was. */
static int take_author(const struct nlattr *attribute, void *arg)
{
	struct hearing *h = arg;

	if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
		(void)str_format(h->who, NET_WATCH_WHO, "%.*s", NET_WATCH_WHO - 1,
				 mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

static int take(const struct nlmsghdr *head, void *arg)
{
	struct hearing *h = arg;
	const struct nfgenmsg *kind = mnl_nlmsg_get_payload(head);

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*kind))
		return MNL_CB_OK;
	switch (head->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
		/* Other families may have a table of the same name. */
		if (kind->nfgen_family == NFPROTO_INET)
			(void)mnl_attr_parse(head, sizeof(struct nfgenmsg), take_removed, h);
		break;
	case NFT_MSG_NEWGEN:
		if (h->is_lost && !h->who[0])
			(void)mnl_attr_parse(head, sizeof(struct nfgenmsg), take_author, h);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

bool net_watch_read(struct net_watch *w, char who[NET_WATCH_WHO])
{
	static char buffer[BUFFER];
	struct hearing h = { .table = w->table, .who = who };
	ssize_t n = 0;

	who[0] = '\0';
	while ((n = mnl_socket_recvfrom(w->sock, buffer, sizeof(buffer))) > 0 ||
	       (n < 0 && (errno == ENOBUFS || errno == ENOSPC || errno == EINTR))) {
		if (n > 0)
			(void)mnl_cb_run(buffer, (size_t)n, 0, 0, take, &h);
		else if (errno != EINTR)
			h.is_lost = true;
	}
	return h.is_lost;
}
