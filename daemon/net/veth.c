/* SPDX-License-Identifier: Apache-2.0 */
/* Rtnetlink, through a socket of the host's and one of the jail's. */
#include "daemon/net/veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/net.h"

#define INSIDE "eth0"
#define BUFFER 8192
#define WAIT_S 5
#define LIST_TRIES 16

/* Locally administered.  The same at both ends: without ARP an interface
 * addresses everything to its own. */
static const unsigned char hardware[6] = { 0x02, 0x74, 0x6e, 0x00, 0x00, 0x01 };

struct request {
	char buffer[BUFFER];
	struct nlmsghdr *head;
};

static void begin(struct request *r, uint16_t type, uint16_t flags)
{
	memset(r->buffer, 0, sizeof(r->buffer));
	r->head = mnl_nlmsg_put_header(r->buffer);
	r->head->nlmsg_type = type;
	r->head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
}

/* True if links came or went while they were listed: one may be missing.  libmnl would stop
 * there; the mark is taken off, so that the rest is heard as well. */
static bool take_mark(void *answer, int size)
{
	bool is_marked = false;

	for (struct nlmsghdr *h = answer; mnl_nlmsg_ok(h, size); h = mnl_nlmsg_next(h, &size)) {
		is_marked = is_marked || (h->nlmsg_flags & NLM_F_DUMP_INTR);
		h->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return is_marked;
}

/* Sends a request and hears its answers out.  0, or -1 with errno; EINTR: a listing that may
 * not be whole.  What an earlier request left unheard, having failed, is passed over: taken for
 * this one's answer it would name another link, a neighbour's. */
static int talk(struct mnl_socket *sock, struct request *r, mnl_cb_t take, void *arg)
{
	static uint32_t last_seq;
	_Alignas(struct nlmsghdr) char answer[4 * BUFFER];
	const struct nlmsghdr *first = (const void *)answer;
	bool is_marked = false;
	int rc = MNL_CB_OK;

	r->head->nlmsg_seq = ++last_seq;
	if (mnl_socket_sendto(sock, r->head, r->head->nlmsg_len) < 0)
		return -1;
	while (rc > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(sock, answer, sizeof(answer));

		if (n < 0)
			return -1;
		if ((size_t)n >= sizeof(*first) && first->nlmsg_seq != last_seq)
			continue;
		is_marked = take_mark(answer, (int)n) || is_marked;
		rc = mnl_cb_run(answer, (size_t)n, last_seq, 0, take, arg);
	}
	if (rc >= 0 && is_marked) {
		errno = EINTR;
		return -1;
	}
	return rc < 0 ? -1 : 0;
}

static struct ifinfomsg *begin_link(struct request *r, uint16_t type, uint16_t flags, int index)
{
	begin(r, type, flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(r->head, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return info;
}

static int take_index(const struct nlmsghdr *head, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(head);

	*(struct ifinfomsg *)arg = *info;
	return MNL_CB_OK;
}

/* 0, or -1 with errno: ENODEV if there is none. */
static int find(struct mnl_socket *sock, const char *name, struct ifinfomsg *out)
{
	struct request r;

	(void)begin_link(&r, RTM_GETLINK, 0, 0);
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	return talk(sock, &r, take_index, out);
}

int veth_open(struct veth *v, struct err *err)
{
	struct timeval wait = { .tv_sec = WAIT_S };

	v->host = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!v->host || mnl_socket_bind(v->host, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(v->host), SOL_SOCKET, SO_RCVTIMEO, &wait,
		       sizeof(wait)) < 0)
		return err_sys(err, "open rtnetlink");
	return 0;
}

void veth_close(struct veth *v)
{
	if (v->host)
		(void)mnl_socket_close(v->host);	/* nothing was written */
	v->host = NULL;
}

int veth_remove(struct veth *v, const char *name, struct err *err)
{
	struct request r;

	(void)begin_link(&r, RTM_DELLINK, 0, 0);
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	if (talk(v->host, &r, NULL, NULL) < 0 && errno != ENODEV)
		return err_sys(err, "remove the link '%s'", name);
	return 0;
}

/* The namespace of a netlink socket; refused if it is ours or the socket is
 * something else. */
static int namespace_of(int jail, struct err *err)
{
	int domain = 0, protocol = 0;
	socklen_t size = sizeof(domain);
	struct stat theirs, ours;

	if (getsockopt(jail, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_NETLINK ||
	    getsockopt(jail, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0 ||
	    protocol != NETLINK_ROUTE)
		return err_set(err, ERR_BAD_RECORD, "the jail's socket does not speak rtnetlink");
	CLOSE_AT_EXIT int space = ioctl(jail, SIOCGSKNS);

	if (space < 0 || fstat(space, &theirs) < 0 || stat("/proc/self/ns/net", &ours) < 0)
		return err_sys(err, "look at the jail's network namespace");
	if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
		return err_set(err, ERR_BAD_RECORD, "the jail has no network namespace of its own");
	return fd_take(&space);
}

/* Both ends, down. */
static int make_pair(struct veth *v, const char *name, int space, struct err *err)
{
	struct request r;

	(void)begin_link(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	mnl_attr_put(r.head, IFLA_ADDRESS, sizeof(hardware), hardware);
	struct nlattr *about = mnl_attr_nest_start(r.head, IFLA_LINKINFO);

	mnl_attr_put_strz(r.head, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(r.head, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(r.head, VETH_INFO_PEER);

	(void)mnl_nlmsg_put_extra_header(r.head, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.head, IFLA_IFNAME, INSIDE);
	mnl_attr_put(r.head, IFLA_ADDRESS, sizeof(hardware), hardware);
	mnl_attr_put_u32(r.head, IFLA_NET_NS_FD, (uint32_t)space);
	mnl_attr_nest_end(r.head, peer);
	mnl_attr_nest_end(r.head, data);
	mnl_attr_nest_end(r.head, about);
	return talk(v->host, &r, NULL, NULL) < 0 ?
	       err_sys(err, "make the link '%s' (does the kernel have veth?)", name) : 0;
}

static int bring_up(struct mnl_socket *sock, int index, struct err *err)
{
	struct request r;
	struct ifinfomsg *info = begin_link(&r, RTM_NEWLINK, 0, index);

	info->ifi_flags = info->ifi_change = IFF_UP | IFF_NOARP;
	return talk(sock, &r, NULL, NULL) < 0 ? err_sys(err, "bring a link up") : 0;
}

static int add_address(struct mnl_socket *sock, int index, uint32_t address, struct err *err)
{
	struct request r;

	begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(r.head, sizeof(*info));

	info->ifa_family = AF_INET;
	info->ifa_prefixlen = 32;
	info->ifa_index = (unsigned)index;
	mnl_attr_put_u32(r.head, IFA_LOCAL, htonl(address));
	mnl_attr_put_u32(r.head, IFA_ADDRESS, htonl(address));
	return talk(sock, &r, NULL, NULL) < 0 ? err_sys(err, "give a link its address") : 0;
}

/* To ADDRESS with BITS, out of a link; there is no gateway. */
static int add_route(struct mnl_socket *sock, int index, uint32_t address, unsigned char bits,
		     struct err *err)
{
	struct request r;

	begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(r.head, sizeof(*info));

	info->rtm_family = AF_INET;
	info->rtm_dst_len = bits;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_scope = RT_SCOPE_LINK;
	info->rtm_type = RTN_UNICAST;
	if (bits > 0)
		mnl_attr_put_u32(r.head, RTA_DST, htonl(address));
	mnl_attr_put_u32(r.head, RTA_OIF, (uint32_t)index);
	return talk(sock, &r, NULL, NULL) < 0 ? err_sys(err, "make a route") : 0;
}

/* Closes the socket, also where it fails. */
static int set_up_inside(int jail, uint32_t address, struct err *err)
{
	struct timeval wait = { .tv_sec = WAIT_S };
	CLOSE_AT_EXIT int fd = jail;
	struct ifinfomsg eth = { 0 };
	int rc = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return err_sys(err, "use the jail's socket");
	struct mnl_socket *sock = mnl_socket_fdopen(fd);

	if (!sock)
		return err_sys(err, "use the jail's socket");
	fd = -1;		/* the library's */
	if (find(sock, INSIDE, &eth) < 0)
		rc = err_sys(err, "find the jail's end");
	else if (add_address(sock, eth.ifi_index, address, err) < 0 ||
		 bring_up(sock, eth.ifi_index, err) < 0 ||
		 add_route(sock, eth.ifi_index, 0, 0, err) < 0)
		rc = err_wrap(err, "inside the jail");
	return mnl_socket_close(sock) < 0 && rc == 0 ? err_sys(err, "close a socket") : rc;
}

int veth_make(struct veth *v, const char *name, uint32_t address, int jail, struct err *err)
{
	CLOSE_AT_EXIT int space = namespace_of(jail, err);
	struct ifinfomsg ours = { 0 };
	int copy = space < 0 ? -1 : fcntl(jail, F_DUPFD_CLOEXEC, 0);

	if (space < 0 || veth_remove(v, name, err) < 0 || make_pair(v, name, space, err) < 0) {
		fd_close(&copy);
		return -1;
	}
	/* The host's end comes up last: it says that all before was done. */
	if (copy >= 0 && set_up_inside(copy, address, err) == 0 &&
	    find(v->host, name, &ours) == 0 && bring_up(v->host, ours.ifi_index, err) == 0 &&
	    add_route(v->host, ours.ifi_index, address, 32, err) == 0)
		return 0;
	if (err->code == 0)
		(void)err_sys(err, "set up the link '%s'", name);
	(void)veth_remove(v, name, NULL);	/* the first failure tells more */
	return -1;
}

int veth_keep(struct veth *v, const char *name, uint32_t address, struct err *err)
{
	struct ifinfomsg info = { 0 };

	if (find(v->host, name, &info) < 0)
		return err_sys(err, "find the link '%s'", name);
	if (!(info.ifi_flags & IFF_UP))
		return err_set(err, ERR_FAILED, "the link '%s' was not made to its end", name);
	return add_route(v->host, info.ifi_index, address, 32, err);
}

struct each {
	void (*each)(const char *name, void *arg);
	void *arg;
};

static int take_name(const struct nlmsghdr *head, void *arg)
{
	const struct each *e = arg;
	const struct nlattr *attr = NULL;

	mnl_attr_for_each(attr, head, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			e->each(mnl_attr_get_str(attr), e->arg);
	return MNL_CB_OK;
}

int veth_each(struct veth *v, void (*each)(const char *name, void *arg), void *arg,
	      struct err *err)
{
	struct request r;
	struct each e = { each, arg };

	for (int tries = 0; tries < LIST_TRIES; tries++) {
		(void)begin_link(&r, RTM_GETLINK, NLM_F_DUMP, 0);
		if (talk(v->host, &r, take_name, &e) == 0)
			return 0;
		if (errno != EINTR)
			break;
	}
	return err_sys(err, "list the links");
}
