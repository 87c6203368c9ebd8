/* SPDX-License-Identifier: Apache-2.0 */
/* The multicast group of audit(8), which needs no auditd and takes nothing from it. */
#include "daemon/supervisor/audit_socket.h"

#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"

int audit_socket_open(struct err *err)
{
	CLOSE_AT_EXIT int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	const struct sockaddr_nl group = { .nl_family = AF_NETLINK,
					   .nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1) };
	/* Whoever reads sees these records alone, not who logs in on this host. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(AUDIT_SECCOMP), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

	/* The filter first: nothing may come in before it. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){ 1 }, sizeof(int)) < 0 ||
	    bind(fd, (const struct sockaddr *)&group, sizeof(group)) < 0)
		return err_sys(err, "listen to the kernel's audit records");
	return fd_take(&fd);
}
