/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the service manager (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
 * Without that variable nobody listens, and sending is silent success.  And
 * taking the descriptors it gave us at the start (sd_listen_fds(3)).
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Sends "READY=1", "STATUS=...", lines separated by newlines. */
int notify_send(const char *text, struct err *err);

/* The same with descriptors for the store (FDSTORE=1); borrows them. */
int notify_send_fds(const char *text, const int *fds, size_t count, struct err *err);

/* Calls back for each descriptor that this process was started with, which
 * becomes the callee's and close-on-exec, then forgets the environment. */
void notify_take_fds(void (*each)(int fd, const char *name, void *arg), void *arg);

/* Milliseconds between two "WATCHDOG=1"; 0 if nobody waits for them. */
int64_t notify_watchdog_ms(void);

#endif
