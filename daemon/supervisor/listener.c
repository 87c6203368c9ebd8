/* SPDX-License-Identifier: Apache-2.0 */
/* Binding, mending, recognising and closing listeners. */
#include "daemon/supervisor/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/notify.h"
#include "base/str.h"
#include "daemon/supervisor/sock_diag.h"
#include "schema/errors.h"

#define NAME "php.sock"
#define QUEUE_MAX 65536		/* beyond the largest listen_backlog */

/* The name is short: thousands of long ones made a restart of the unit fail.  A
 * manager that does not hear us is no reason to fail: then the store is empty. */
void listener_unstore(uint32_t number)
{
	char text[64];

	(void)str_format(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=t%u", number);	/* fits */
	(void)notify_send(text, NULL);
}

void listener_store(uint32_t number, int fd)
{
	char text[64];

	listener_unstore(number);
	(void)str_format(text, sizeof(text), "FDSTORE=1\nFDNAME=t%u", number);	/* fits */
	(void)notify_send_fds(text, &fd, 1, NULL);
}

int listener_bind(const struct place *p, uint32_t number, uint32_t backlog, struct err *err)
{
	CLOSE_AT_EXIT int dir = place_pool_dir(p, number, err);
	char folder[32];

	if (dir < 0)
		return -1;
	(void)str_format(folder, sizeof(folder), "pool/%u/", number);	/* fits */
	int fd = place_bind(p, dir, folder, NAME, SOCK_STREAM, (int)backlog, 0660, 0,
			    (gid_t)p->settings.web_gid, err);

	if (fd < 0)
		return err_wrap(err, "listener of %u", number);
	listener_store(number, fd);
	return fd;
}

bool listener_is_damaged(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return !mutant_is_off("listener-watch") && poll(&look, 1, 0) > 0 &&
	       (look.revents & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP));
}

int listener_mend(int fd, uint32_t backlog, struct err *err)
{
	if (listener_is_damaged(fd))
		return err_set(err, ERR_FAILED, "the listener was shut down");
	if (mutant_is_off("listener-mend"))
		return 0;
	if (listen(fd, (int)backlog) < 0)
		return err_sys(err, "set the backlog of the listener");
	/* No O_NONBLOCK, no O_ASYNC. */
	if (fcntl(fd, F_SETFL, 0) < 0)
		return err_sys(err, "set the flags of the listener");
	return 0;
}

/* Those who wait are told at once.  Closing alone does not do that: a pool that
 * finishes, or the manager's store, may still hold a copy.  O_NONBLOCK is no help: a
 * pool that lives shares it and could take it away again before each accept().  What
 * is shut down nobody opens again, and there accept() never waits. */
static void turn_away(int fd)
{
	if (shutdown(fd, SHUT_RDWR) < 0)
		return;
	for (int i = 0; i <= QUEUE_MAX; i++) {
		CLOSE_AT_EXIT int visitor = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (visitor < 0)
			return;
	}
}

void listener_close(const struct place *p, uint32_t number, int *fd)
{
	char path[32];

	(void)str_format(path, sizeof(path), "%u/" NAME, number);	/* fits */
	/* The name first: nobody may come while the rest goes. */
	(void)unlinkat(p->pool_dir, path, 0);	/* not there is what we want */
	if (*fd < 0)
		return;
	turn_away(*fd);
	listener_unstore(number);
	fd_close(fd);
}

uint64_t listener_inode(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

int listener_verify(const struct place *p, uint32_t number, int fd, uint64_t inode,
		    struct err *err)
{
	char path[32];
	int domain = 0, is_listening = 0;
	socklen_t size = sizeof(int);
	struct sock_facts facts;
	struct stat st;

	if (mutant_is_off("listener-verify"))
		return 0;
	if (inode == 0 || listener_inode(fd) != inode)
		return err_set(err, ERR_FAILED, "it is not the socket that was recorded");
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0 || !is_listening)
		return err_set(err, ERR_FAILED, "it is not a listening unix socket");
	(void)str_format(path, sizeof(path), "%u/" NAME, number);	/* fits */
	if (fstatat(p->pool_dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look for its name '%s'", path);
	/* The name may lead to a later socket that died with its supervisor. */
	if (sock_diag_read((ino_t)inode, &facts, err) < 0)
		return -1;
	if (facts.file_inode != (uint32_t)st.st_ino)
		return err_set(err, ERR_FAILED, "its name '%s' leads elsewhere", path);
	return 0;
}
