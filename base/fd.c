/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership, full reads and writes, passing and placing of descriptors. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/closers.h"
#include "base/mutant.h"
#include "base/str.h"

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);	/* the descriptor is gone whatever it returns */
	*fd = -1;
	errno = saved;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int fd_read_full(int fd, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = EPIPE;
			return -1;
		}
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_write_full(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_send(int sock, const void *data, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FD_SEND_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = 0;

	if (count > FD_SEND_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != size) {
		errno = EMSGSIZE;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

void fd_close_strange(uint32_t sender, int *fd)
{
	if (*fd >= 0)
		closers_add(sender, fd, 1);
	*fd = -1;
}

/* True also where it is not known. */
static bool holds_descriptors(int sock)
{
	char path[64], text[1024];
	ssize_t n = 0;

	if (str_format(path, sizeof(path), "/proc/self/fdinfo/%d", sock) < 0)
		return true;
	CLOSE_AT_EXIT int info = open(path, O_RDONLY | O_CLOEXEC);

	if (info < 0)
		return true;
	n = read(info, text, sizeof(text) - 1);
	if (n <= 0)
		return true;
	text[n] = '\0';
	return !strstr(text, "\nscm_fds: 0\n");
}

void fd_close_caller(uint32_t sender, int *sock)
{
	int saved = errno;

	if (*sock < 0)
		return;
	/* From now on nothing can be put into it. */
	if (shutdown(*sock, SHUT_RDWR) < 0 || holds_descriptors(*sock))
		fd_close_strange(sender, sock);
	else
		fd_close(sock);
	errno = saved;
}

ssize_t fd_receive_from(uint32_t sender, int sock, void *data, size_t size, int *fds,
			size_t *count)
{
	union {
		struct cmsghdr align;
		/* For all that can come: the kernel closes what has no room. */
		char room[CMSG_SPACE(FD_MESSAGE_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	size_t room = *count;
	size_t came = 0;
	int strange[FD_MESSAGE_MAX];
	size_t strangers = 0;
	int cut = 0;
	ssize_t n = 0;

	*count = 0;
	/* All that are trusted are one sender. */
	if (sender != 0 && closers_are_full(sender)) {
		errno = EDQUOT;
		return -1;
	}
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < here; i++) {
			int fd = -1;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (came < room) {
				fds[came++] = fd;
			} else {
				if (!mutant_is_off("stray-descriptors"))
					strange[strangers++] = fd;
				cut = 1;
			}
		}
	}
	if (cut || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < came; i++)
			strange[strangers++] = fd_take(&fds[i]);
		closers_add(sender, strange, strangers);
		errno = EMSGSIZE;
		return -1;
	}
	*count = came;
	return n;
}

ssize_t fd_receive(int sock, void *data, size_t size, int *fds, size_t *count)
{
	return fd_receive_from(0, sock, data, size, fds, count);
}

int fd_sealed(const char *name, const void *data, size_t size, struct err *err)
{
	CLOSE_AT_EXIT int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_sys(err, "make memfd '%s'", name);
	if (fd_write_full(fd, data, size) < 0)
		return err_sys(err, "write memfd '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "rewind memfd '%s'", name);
	if (mutant_is_off("filter-sealed") && strcmp(name, "filter") == 0)
		return fd_take(&fd);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(err, "seal memfd '%s'", name);
	return fd_take(&fd);
}

int fd_place(const int *fds, size_t count, int first)
{
	int high[FD_SEND_MAX * 2];
	int above = first + (int)count;

	if (count > sizeof(high) / sizeof(high[0])) {
		errno = EINVAL;
		return -1;
	}
	/* First out of the way of the target numbers, then each to its place:
	 * a source may stand on another's target. */
	for (size_t i = 0; i < count; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, above);
		if (high[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (dup3(high[i], first + (int)i, 0) < 0)
			return -1;
	return 0;
}
