/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing what untrusted processes sent.  Whoever closes the last descriptor of a TCP socket
 * with SO_LINGER waits for the other end, of a large file without a name for the disk: threads
 * that do nothing else do.  One sender has few of them, behind which the rest of his waits.
 */
#ifndef BASE_CLOSERS_H
#define BASE_CLOSERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOSERS_OF_ONE 4	/* threads of one sender */
#define CLOSERS_FDS_OF_ONE 1024	/* beyond these, nothing more of his is to be received */

/* Takes COUNT (at most FD_MESSAGE_MAX) descriptors; errno survives. */
void closers_add(uint32_t sender, const int *fds, size_t count);

/* True while so many of the sender's descriptors wait, or are being closed. */
bool closers_are_full(uint32_t sender);

#endif
