/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail's network namespace.  It begins with a loopback and nothing else.
 * With SPEC_NETWORK somebody outside, who may configure networks and nothing
 * more, makes a link into it: through a netlink socket that was opened in here,
 * so that nobody has to enter a namespace for that.
 */
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "sandbox/jail.h"

/* A link takes milliseconds.  A jail without one is better than none. */
#define LINK_WAIT_MS 5000

static int bring_up_loopback(struct err *err)
{
	CLOSE_AT_EXIT int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo" };

	if (sock < 0 || ioctl(sock, SIOCGIFFLAGS, &lo) < 0)
		return err_sys(err, "look at the loopback");
	lo.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &lo) < 0)
		return err_sys(err, "bring the loopback up");
	return 0;
}

int jail_net_begin(struct jail *j, struct err *err)
{
	if (bring_up_loopback(err) < 0)
		return -1;
	if (!(j->spec->flags & SPEC_NETWORK))
		return 0;
	/* What comes after the loopback speaks IPv4 alone.  Optional: the other end
	 * of the link drops everything else. */
	if (!mutant_is_off("net-ipv6") &&
	    jail_write_proc("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", true, err) < 0)
		return -1;
	CLOSE_AT_EXIT int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (netlink < 0)
		return err_sys(err, "open rtnetlink");
	/* Nobody there any more: there will be no link. */
	(void)fd_send(JAIL_FD_NET, "", 1, &netlink, 1);
	return 0;
}

int jail_net_end(struct jail *j, struct err *err)
{
	struct pollfd link = { .fd = JAIL_FD_NET, .events = POLLIN };

	(void)err;
	if (!(j->spec->flags & SPEC_NETWORK))
		return 0;
	/* A byte, the end, or too late: whoever makes links reports how it went. */
	(void)poll(&link, 1, LINK_WAIT_MS);
	(void)close(JAIL_FD_NET);
	return 0;
}
