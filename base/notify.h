/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the service manager (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
 * Without that variable nobody listens, and sending is silent success.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stddef.h>

#include "base/err.h"

/* Sends "READY=1", "STATUS=...", lines separated by newlines. */
int notify_send(const char *text, struct err *err);

/* The same with descriptors for the store (FDSTORE=1); borrows them. */
int notify_send_fds(const char *text, const int *fds, size_t count, struct err *err);

#endif
