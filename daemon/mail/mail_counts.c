/* SPDX-License-Identifier: Apache-2.0 */
/* Counting mail. */
#include "daemon/mail/mail_counts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "schema/errors.h"

#define FILE_NAME "counts"

int mail_counts_open(struct mail_counts *c, int dir, size_t room, struct err *err)
{
	size_t size = room * sizeof(struct mail_count);
	struct stat st;
	CLOSE_AT_EXIT int fd = openat(dir, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				      0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open the file '%s' of counts", FILE_NAME);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ?
		       err_set(err, ERR_CONFLICT, "another tenant-mail runs") :
		       err_sys(err, "lock the file '%s' of counts", FILE_NAME);
	if ((size_t)st.st_size != size && ftruncate(fd, 0) < 0)
		return err_sys(err, "empty the file '%s' of counts", FILE_NAME);
	/* All of it now: a full file system would end the process later. */
	int rc = posix_fallocate(fd, 0, (off_t)size);

	if (rc != 0) {
		errno = rc;
		return err_sys(err, "make room for the counts");
	}
	void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (rows == MAP_FAILED)
		return err_sys(err, "map the counts");
	struct mail_pace *paces = calloc(room, sizeof(*paces));

	if (!paces) {
		(void)munmap(rows, size);
		return err_set(err, ERR_SYSTEM, "no memory for the counts");
	}
	*c = (struct mail_counts){ fd_take(&fd), rows, room, paces };
	return 0;
}

void mail_counts_close(struct mail_counts *c)
{
	if (c->rows)
		(void)munmap(c->rows, c->room * sizeof(struct mail_count));
	free(c->paces);
	c->rows = NULL;
	c->paces = NULL;
	fd_close(&c->fd);
}

/* Never 0, which a free row has. */
static uint64_t slot_of(uint64_t now_s)
{
	return now_s / MAIL_SLOT_S + 1;
}

static void advance(struct mail_count *row, uint64_t slot)
{
	uint64_t passed = slot - row->slot;

	/* A clock that went back is one of another boot. */
	if (slot < row->slot || passed >= MAIL_SLOTS)
		memset(row->used, 0, sizeof(row->used));
	else
		for (uint64_t i = 1; i <= passed; i++)
			row->used[(row->slot + i) % MAIL_SLOTS] = 0;
	row->slot = slot;
	row->in_hour = 0;
	for (int i = 0; i < MAIL_SLOTS; i++)
		row->in_hour += row->used[i];
}

struct mail_count *mail_counts_find(struct mail_counts *c, uint32_t number, uint64_t now_s)
{
	for (size_t i = 0; i < c->room; i++)
		if (c->rows[i].number == number) {
			advance(&c->rows[i], slot_of(now_s));
			return &c->rows[i];
		}
	return NULL;
}

struct mail_count *mail_counts_row(struct mail_counts *c, uint32_t number, uint64_t now_s)
{
	struct mail_count *found = mail_counts_find(c, number, now_s);
	struct mail_count *row = &c->rows[0];

	if (found)
		return found;
	/* Free ones are the oldest: their slot is 0. */
	for (size_t i = 0; i < c->room; i++)
		if (c->rows[i].slot < row->slot)
			row = &c->rows[i];
	*row = (struct mail_count){ .number = number, .slot = slot_of(now_s) };
	return row;
}

bool mail_counts_pace(struct mail_counts *c, const struct mail_count *row, uint64_t now_s,
		      uint32_t most)
{
	struct mail_pace *pace = &c->paces[row - c->rows];

	if (pace->second != now_s)
		*pace = (struct mail_pace){ .second = now_s };
	if (pace->refused >= most)
		return false;
	pace->refused++;
	return true;
}

int mail_counts_take(struct mail_count *row, uint32_t count, uint32_t per_hour)
{
	if (!mutant_is_off("mail-rate") &&
	    (count > per_hour || row->in_hour > per_hour - count))
		return -1;
	row->used[row->slot % MAIL_SLOTS] += count;
	row->in_hour += count;
	return 0;
}
