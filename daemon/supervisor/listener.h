/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of one tenant, RUN_DIR/pool/N/php.sock.  The pool holds a copy
 * and its code is the tenant's, so whatever can be done to a listener may have
 * been done to it: shutdown, another backlog, other flags.
 */
#ifndef DAEMON_SUPERVISOR_LISTENER_H
#define DAEMON_SUPERVISOR_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/supervisor/place.h"

/* What epoll says of a listener that the tenant has shut down. */
#define LISTENER_DAMAGE (EPOLLHUP | EPOLLERR | EPOLLRDHUP)

/* Binds it anew, in place of an earlier one, and puts it into the service
 * manager's store.  The caller's. */
int listener_bind(const struct place *p, uint32_t number, uint32_t backlog, struct err *err);

/* True if it was shut down, for good. */
bool listener_is_damaged(int fd);

/* Sets backlog and flags as they should be, and tells whether it is sound. */
int listener_mend(int fd, uint32_t backlog, struct err *err);

/* Closes it and removes its name, so that visitors are refused at once. */
void listener_close(const struct place *p, uint32_t number, int *fd);

/* Takes FD for NUMBER's listener if it is the socket INODE and the one that
 * php.sock leads to.  Borrows. */
int listener_verify(const struct place *p, uint32_t number, int fd, uint64_t inode,
		    struct err *err);

/* Puts a copy into the service manager's store, in place of an earlier one;
 * takes the number's copy out. */
void listener_store(uint32_t number, int fd);
void listener_unstore(uint32_t number);

/* The inode of the socket, which names it; 0 if there is none. */
uint64_t listener_inode(int fd);

#endif
