/* SPDX-License-Identifier: Apache-2.0 */
/* One netlink question and its answer. */
#include "daemon/supervisor/sock_diag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "schema/errors.h"

struct question {
	struct nlmsghdr head;
	struct unix_diag_req request;
};

static void take(const struct rtattr *a, struct sock_facts *facts)
{
	struct unix_diag_rqlen queue;
	struct unix_diag_vfs file;

	if (a->rta_type == UNIX_DIAG_RQLEN && RTA_PAYLOAD(a) >= sizeof(queue)) {
		memcpy(&queue, RTA_DATA(a), sizeof(queue));
		facts->queue = queue.udiag_rqueue;
		facts->backlog = queue.udiag_wqueue;
	} else if (a->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(a) >= sizeof(file)) {
		memcpy(&file, RTA_DATA(a), sizeof(file));
		facts->file_inode = file.udiag_vfs_ino;
	}
}

static int parse(const struct nlmsghdr *head, size_t size, struct sock_facts *out,
		 struct err *err)
{
	struct sock_facts facts = { 0 };

	if (!NLMSG_OK(head, size))
		return err_set(err, ERR_SYSTEM, "sock_diag gave a cut answer");
	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    head->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
		return err_set(err, ERR_SYSTEM, "sock_diag does not know the socket");
	const char *at = (const char *)NLMSG_DATA(head) + NLMSG_ALIGN(sizeof(struct unix_diag_msg));
	int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(struct unix_diag_msg)));

	for (const struct rtattr *a = (const void *)at; RTA_OK(a, left); a = RTA_NEXT(a, left))
		take(a, &facts);
	*out = facts;
	return 0;
}

int sock_diag_read(ino_t inode, struct sock_facts *out, struct err *err)
{
	CLOSE_AT_EXIT int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	union {
		struct nlmsghdr head;
		char room[4096];
	} answer;
	struct question q = {
		.head = { .nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = AF_UNIX, .udiag_states = ~0u,
			     .udiag_ino = (uint32_t)inode,
			     .udiag_show = UDIAG_SHOW_RQLEN | UDIAG_SHOW_VFS,
			     .udiag_cookie = { ~0u, ~0u } },
	};

	if (fd < 0)
		return err_sys(err, "open sock_diag");
	/* The kernel answers within the send, so this never waits. */
	if (send(fd, &q, sizeof(q), 0) < 0)
		return err_sys(err, "ask sock_diag");
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);

	if (n < 0)
		return err_sys(err, "hear sock_diag");
	return parse(&answer.head, (size_t)n, out, err);
}
