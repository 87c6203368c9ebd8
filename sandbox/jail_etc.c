/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail's own /etc: just enough for the C library, and nothing that tells
 * who else lives on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/jail.h"
#include "schema/errors.h"
#include "schema/net.h"

#define RESOLV_MAX 4096

static int put(int etc, const char *name, const char *text, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = openat(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0 || fd_write_full(fd, text, size) < 0)
		return err_sys(err, "make '/etc/%s'", name);
	return 0;
}

/* Copied, not bound: on the host it is often a link into /run and replaced by
 * rename, which a bound file would not follow either. */
static int put_resolv(int etc, struct err *err)
{
	CLOSE_AT_EXIT int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[RESOLV_MAX];
	struct stat st;
	ssize_t size = 0;

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, "open '/etc/resolv.conf'");
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		return err_set(err, ERR_JAIL, "'/etc/resolv.conf' is no plain file");
	if (fd >= 0)
		size = read(fd, text, sizeof(text));
	if (size < 0)
		return err_sys(err, "read '/etc/resolv.conf'");
	return put(etc, "resolv.conf", text, (size_t)size, err);
}

/* The name servers of the spec, or the host's. */
static int put_resolvers(struct jail *j, int etc, struct err *err)
{
	struct net_allow rows[NET_ALLOW_MAX];
	struct text text = { 0 };
	size_t count = 0;

	if (j->spec->resolvers[0] &&
	    net_resolver_parse(j->spec->resolvers, rows, &count, err) < 0)
		return -1;
	if (count == 0)
		return put_resolv(etc, err);
	for (size_t i = 0; i < count; i++) {
		char address[NET_ADDRESS_TEXT];

		net_address_text(rows[i].address, address);
		text_add(&text, "nameserver %s\n", address);
	}
	int rc = text.failed ? err_set(err, ERR_SYSTEM, "no memory for resolv.conf") :
		 put(etc, "resolv.conf", text.data, text.size, err);

	text_free(&text);
	return rc;
}

int jail_etc_make(struct jail *j, struct err *err)
{
	const struct jail_spec *s = j->spec;
	char passwd[SPEC_PATH_MAX + 256], group[128], hosts[256];

	if (str_format(passwd, sizeof(passwd),
		       "root:x:0:0:root:/:/usr/sbin/nologin\n"
		       "%s:x:%u:%u::%s:/usr/sbin/nologin\n"
		       "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		       s->user, s->uid, s->gid, s->home) < 0 ||
	    str_format(group, sizeof(group), "root:x:0:\n%s:x:%u:\nnogroup:x:65534:\n",
		       s->user, s->gid) < 0 ||
	    str_format(hosts, sizeof(hosts),
		       "127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n",
		       s->hostname) < 0)
		return err_set(err, ERR_JAIL, "the names of the spec are too long for /etc");
	const struct { const char *name, *text; } files[] = {
		{ "passwd", passwd },
		{ "group", group },
		{ "hosts", hosts },
		{ "hostname", s->hostname },
		{ "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"
				   "services: files\nprotocols: files\n" },
		{ "host.conf", "multi on\n" },
	};
	CLOSE_AT_EXIT int etc = file_make_dir(j->root, "etc", 0755, 0, 0, err);

	if (etc < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (put(etc, files[i].name, files[i].text, strlen(files[i].text), err) < 0)
			return -1;
	return put_resolvers(j, etc, err);
}
