/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing /proc/sys/net. */
#include "daemon/net/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/net/net_rules.h"
#include "schema/net.h"

#define CONF "/proc/sys/net/ipv4/conf"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"

/* The first character of a switch, or '\0'. */
static char look(const char *path)
{
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = '\0';

	return fd >= 0 && read(fd, &value, 1) == 1 ? value : '\0';
}

static int put(const char *path, const char *value, struct err *err)
{
	CLOSE_AT_EXIT int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return err_sys(err, "write '%s' to '%s'", value, path);
	return 0;
}

static bool host_forwards(void)
{
	return look("/proc/sys/net/ipv4/ip_forward") == '1';
}

int forward_link(const char *name, struct err *err)
{
	char path[PATH_MAX];

	(void)str_format(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	/* The table drops it anyway, and a kernel may have no IPv6. */
	(void)put(path, "1", NULL);
	(void)str_format(path, sizeof(path), CONF "/%s/forwarding", name);
	return look(path) == '1' ? 0 : put(path, "1", err);
}

static bool is_link(const char *name)
{
	uint32_t number = 0, slot = 0;

	return net_link_parse(name, &number, &slot) == 0;
}

static bool is_ours_to_open(const char *name)
{
	return name[0] != '.' && strcmp(name, "all") != 0 && strcmp(name, "default") != 0 &&
	       strcmp(name, "lo") != 0 && name[strspn(name, LETTERS)] == '\0';
}

static int open_one(struct net_table *t, const char *name, struct err *err)
{
	char path[PATH_MAX], element[64];

	if (str_format(path, sizeof(path), CONF "/%s/forwarding", name) < 0 ||
	    str_format(element, sizeof(element), "\"%s\"", name) < 0)
		return 0;
	if (look(path) != '0')
		return 0;	/* open, or gone by now */
	/* The rule first: there is no moment in which the host forwards for others. */
	return net_table_put(t, NET_SET_OPENED, element, true, err) < 0 ||
	       put(path, "1", err) < 0 ? -1 : 0;
}

static void collect(const char *value, uint64_t packets, uint64_t bytes, void *arg)
{
	(void)packets;
	(void)bytes;
	text_add(arg, "%s\n", value);
}

/* Takes all names out of the set, and closes the interfaces if they are to be closed. */
static int empty(struct net_table *t, bool is_closing, struct err *err)
{
	struct text names = { 0 };
	char *rest = NULL;
	int rc = net_table_each(t, NET_SET_OPENED, collect, &names, err);

	for (char *name = rc == 0 && names.data ? strtok_r(names.data, "\n", &rest) : NULL; name;
	     name = strtok_r(NULL, "\n", &rest)) {
		char path[PATH_MAX], element[64];

		(void)str_format(path, sizeof(path), CONF "/%s/forwarding", name);
		(void)str_format(element, sizeof(element), "\"%s\"", name);
		if (is_closing && put(path, "0", err) < 0 && errno != ENOENT)
			rc = -1;
		if (net_table_put(t, NET_SET_OPENED, element, false, err) < 0)
			rc = -1;
	}
	text_free(&names);
	return rc;
}

/* Links, too: switching the host's off has closed them. */
static int open_entry(int dir, const char *name, void *arg, struct err *err)
{
	(void)dir;
	return is_link(name) ? forward_link(name, err) :
	       is_ours_to_open(name) ? open_one(arg, name, err) : 0;
}

int forward_open(struct net_table *t, struct err *err)
{
	if (host_forwards()) {
		text_free(&t->opened);
		return empty(t, false, err);
	}
	CLOSE_AT_EXIT int conf = open(CONF, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (conf < 0)
		return err_sys(err, "open '" CONF "'");
	int rc = file_each(conf, open_entry, t, err);

	text_free(&t->opened);
	return net_table_each(t, NET_SET_OPENED, collect, &t->opened, err) < 0 ? -1 : rc;
}

void forward_lost(struct net_table *t)
{
	char *rest = NULL;

	if (host_forwards())
		return;
	for (char *name = t->opened.data ? strtok_r(t->opened.data, "\n", &rest) : NULL; name;
	     name = strtok_r(NULL, "\n", &rest)) {
		char path[PATH_MAX];

		(void)str_format(path, sizeof(path), CONF "/%s/forwarding", name);
		(void)put(path, "0", NULL);	/* it may be gone */
	}
	text_free(&t->opened);
}

int forward_close(struct net_table *t, struct err *err)
{
	return empty(t, !host_forwards(), err);
}
