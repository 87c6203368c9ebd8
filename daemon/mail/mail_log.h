/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line for each message in the site's own mail.log, for its owner: who sent, to how many,
 * how much, and what became of it.  tenant-mail may write to no log: the line goes into a
 * named pipe of the supervisor's, from which tenant-log copies it, with the bounds of all logs.
 */
#ifndef DAEMON_MAIL_MAIL_LOG_H
#define DAEMON_MAIL_MAIL_LOG_H

#include <stdint.h>

/* FOLDER is MAIL_LOG_DIR.  What is not printable becomes '?'.  Waits for nobody: where no pool of
 * the site lives, nobody reads, and the line is left out. */
void mail_log_write(int folder, uint32_t number, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
