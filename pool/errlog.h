/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's PHP log, on POOL_FD_LOG: a pipe that is hardly waited for.
 * A message goes in whole, in lines of at most ERRLOG_LINE bytes so that each
 * write is atomic; the second and later parts begin with "...".
 */
#ifndef POOL_ERRLOG_H
#define POOL_ERRLOG_H

#define ERRLOG_LINE 4096	/* PIPE_BUF: larger writes may be mixed or cut */

/* One message, stamped with UTC as PHP does.  If the pipe is full it is dropped
 * and counted; the count is written as soon as there is room. */
void errlog_write(const char *message);

void errlog_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
