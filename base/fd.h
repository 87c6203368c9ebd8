/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: one owner each, closed by scope, handed over explicitly, sent
 * over unix sockets with SCM_RIGHTS (unix(7)).
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Closes the descriptor when its variable leaves scope; -1 means none. */
#define CLOSE_AT_EXIT __attribute__((cleanup(fd_close)))

/* Closes *fd if it is open and sets it to -1.  errno survives. */
void fd_close(int *fd);

/* Takes the descriptor out of its variable, which becomes -1. */
int fd_take(int *fd);

/* Reads or writes exactly SIZE bytes, going on after EINTR and short counts.
 * Returns 0, or -1 with errno; EPIPE where the other end closed first. */
int fd_read_full(int fd, void *data, size_t size);
int fd_write_full(int fd, const void *data, size_t size);

/* Sends one message with COUNT (at most FD_SEND_MAX) descriptors.  Borrows all.
 * Returns 0, or -1 with errno. */
#define FD_SEND_MAX 8
#define FD_MESSAGE_MAX 253	/* the kernel's SCM_MAX_FD */
int fd_send(int sock, const void *data, size_t size, const int *fds, size_t count);

/* Receives one message.  At most *COUNT descriptors are taken, all of them
 * close-on-exec and the caller's; *COUNT becomes how many came.  A message or
 * a descriptor list that was cut is an error (EMSGSIZE) and all is closed.
 * Returns the number of bytes, 0 at the end, -1 with errno. */
ssize_t fd_receive(int sock, void *data, size_t size, int *fds, size_t *count);

/* The same from a process that nobody trusts: SENDER, a number of the caller's above 0.  Nothing
 * is taken, and EDQUOT the error, while too many of his descriptors wait to be closed. */
ssize_t fd_receive_from(uint32_t sender, int sock, void *data, size_t size, int *fds,
			size_t *count);

/* Closes what such a process sent, or a unix socket in which it may have left descriptors
 * that were not received: in a thread (base/closers.h). */
void fd_close_strange(uint32_t sender, int *fd);

/* Closes the connection of such a process: at once, where no descriptors lie unread in it, so
 * that many callers take no room behind a few whose descriptors are slow to close. */
void fd_close_caller(uint32_t sender, int *sock);

/* Makes a sealed memfd with this content: whoever holds it can neither grow,
 * shrink nor change it (memfd_create(2), F_SEAL_*).  Offset 0. */
int fd_sealed(const char *name, const void *data, size_t size, struct err *err);

/* Moves descriptors to fixed numbers in a child before exec: fds[i] becomes
 * FIRST + i without close-on-exec.  Everything above stays as it was.
 * Returns 0, or -1 with errno.  Async-signal-safe. */
int fd_place(const int *fds, size_t count, int first);

#endif
