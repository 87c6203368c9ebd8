/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much mail each tenant has sent.  Rows of the file RUN_DIR/mail/counts/counts, mapped, so
 * that a restart or a kill -9 of tenant-mail gives no tenant a new hour.
 */
#ifndef DAEMON_MAIL_MAIL_COUNTS_H
#define DAEMON_MAIL_MAIL_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/mail_wire.h"

struct mail_counts {
	int fd;			/* locked while this process lives */
	struct mail_count *rows;
	size_t room;
	struct mail_pace {
		uint64_t second;
		uint32_t refused;
	} *paces;		/* of each row, for this process's life */
};

/* DIR is that folder.  A file of another size is begun anew.  ERR_CONFLICT while
 * another process holds it. */
int mail_counts_open(struct mail_counts *c, int dir, size_t room, struct err *err);
void mail_counts_close(struct mail_counts *c);

/* The tenant's row, brought to the time NOW_S of CLOCK_BOOTTIME; NULL: none. */
struct mail_count *mail_counts_find(struct mail_counts *c, uint32_t number, uint64_t now_s);

/* The same, made if there is none; where there is no room, the longest quiet tenant
 * is forgotten. */
struct mail_count *mail_counts_row(struct mail_counts *c, uint32_t number, uint64_t now_s);

/* True of the first MOST calls in the row's second. */
bool mail_counts_pace(struct mail_counts *c, const struct mail_count *row, uint64_t now_s,
		      uint32_t most);

/* Takes COUNT recipients out of the hour.  0, or -1 if PER_HOUR would be passed:
 * never are there more within any hour. */
int mail_counts_take(struct mail_count *row, uint32_t count, uint32_t per_hour);

#endif
