/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and locking the ledger; the files of the mark and of the records. */
#include "tenants/ledger_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

#define NEXT "next"
#define LOCK_TRIES 500
#define LOCK_PAUSE_MS 20
#define HEAD_SIZE offsetof(struct ledger_record, alias)

struct ledger_mark {
	uint32_t magic, version, next, reserved;
};

static void number_name(uint32_t number, char out[16])
{
	(void)snprintf(out, 16, "%u", number);
}

int ledger_files_damaged(const char *name, struct err *err)
{
	return err_set(err, ERR_BAD_RECORD,
		       "ledger file '%s/%s' is damaged; put back the copy of your backup",
		       LEDGER_DIR, name);
}

/* ---- opening ---- */

int ledger_open(const char *state_dir, struct ledger *out, struct err *err)
{
	CLOSE_AT_EXIT int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (state < 0)
		return err_sys(err, "open folder '%s'", state_dir);
	CLOSE_AT_EXIT int dir = file_make_dir(state, LEDGER_DIR, 0700, 0, 0, err);

	if (dir < 0)
		return err_wrap(err, "ledger");
	CLOSE_AT_EXIT int hosts = file_make_dir(dir, LEDGER_HOSTS, 0700, 0, 0, err);

	if (hosts < 0)
		return err_wrap(err, "ledger");
	for (int tries = 0; flock(dir, LOCK_EX | LOCK_NB) < 0; tries++) {
		struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, "lock the ledger");
		if (tries == LOCK_TRIES)
			return err_set(err, ERR_BUSY,
				       "another tenant-build holds the ledger; try again");
		(void)nanosleep(&pause, NULL);
	}
	out->dir = fd_take(&dir);
	out->hosts = fd_take(&hosts);
	return 0;
}

void ledger_close(struct ledger *l)
{
	fd_close(&l->hosts);
	fd_close(&l->dir);
}

/* ---- the high-water mark ---- */

static int is_record(int dir, const char *name, void *arg, struct err *err)
{
	(void)dir;
	(void)arg;
	(void)err;
	return name[0] >= '0' && name[0] <= '9';
}

/* What cannot be read to its end is not taken for empty. */
static bool has_records(const struct ledger *l)
{
	return file_each(l->dir, is_record, NULL, NULL) != 0;
}

int ledger_next(const struct ledger *l, uint32_t *out, struct err *err)
{
	struct ledger_mark mark = { 0 };

	if (faccessat(l->dir, NEXT, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || has_records(l))
			return ledger_files_damaged(NEXT, err);
		*out = 1;
		return 0;
	}
	if (file_read_record(l->dir, NEXT, &mark, sizeof(mark), err) < 0)
		return err_wrap(err, "ledger");
	if (mark.magic != LEDGER_MAGIC || mark.version != LEDGER_VERSION || mark.next == 0)
		return ledger_files_damaged(NEXT, err);
	*out = mark.next;
	return 0;
}

int ledger_files_store_next(const struct ledger *l, uint32_t next, struct err *err)
{
	struct ledger_mark mark = { LEDGER_MAGIC, LEDGER_VERSION, next, 0 };

	if (mutant_is_off("number-mark"))
		return 0;

	return file_write(l->dir, NEXT, &mark, sizeof(mark), 0600, 0, 0, err);
}

/* ---- records ---- */

static int check_head(const struct ledger_record *r, uint32_t number, struct err *err)
{
	char name[16];

	number_name(number, name);
	if (r->magic != LEDGER_MAGIC || r->version != LEDGER_VERSION || r->size != sizeof(*r) ||
	    r->number != number || r->state < LEDGER_ISSUED || r->state > LEDGER_REMOVED ||
	    r->alias_count > ALIASES_MAX || !str_is_terminated(r->site, sizeof(r->site)))
		return ledger_files_damaged(name, err);
	return 0;
}

int ledger_files_head(const struct ledger *l, uint32_t number, struct ledger_record *out,
		      struct err *err)
{
	char name[16];

	number_name(number, name);
	CLOSE_AT_EXIT int fd = openat(l->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, "open ledger record '%s'", name);
	if (fd_read_full(fd, out, HEAD_SIZE) < 0)
		return ledger_files_damaged(name, err);
	return check_head(out, number, err) < 0 ? -1 : 1;
}

bool ledger_is_living(const struct ledger *l, uint32_t number)
{
	struct ledger_record r;
	int there = ledger_files_head(l, number, &r, NULL);

	/* A record that cannot be read counts as living: nothing is taken away. */
	return there < 0 || (there > 0 && r.state != LEDGER_REMOVED);
}

int ledger_load(const struct ledger *l, uint32_t number, struct ledger_record *out,
		struct err *err)
{
	char name[16];

	number_name(number, name);
	if (faccessat(l->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return err_set(err, ERR_UNKNOWN_SITE, "number %u was never given to a site",
			       number);
	if (file_read_record(l->dir, name, out, sizeof(*out), err) < 0)
		return err_wrap(err, "ledger");
	if (check_head(out, number, err) < 0)
		return -1;
	for (uint32_t i = 0; i < out->alias_count; i++)
		if (!str_is_terminated(out->alias[i], SITE_MAX))
			return ledger_files_damaged(name, err);
	return 0;
}

int ledger_files_store(const struct ledger *l, struct ledger_record *r, struct err *err)
{
	char name[16];

	r->magic = LEDGER_MAGIC;
	r->version = LEDGER_VERSION;
	r->size = sizeof(*r);
	number_name(r->number, name);
	return file_write(l->dir, name, r, sizeof(*r), 0600, 0, 0, err);
}

int ledger_page(const struct ledger *l, uint32_t after, struct wire_ledger_row *rows,
		uint32_t room, uint32_t *out_count, bool *out_more, struct err *err)
{
	struct ledger_record r;
	uint32_t next = 0;
	uint32_t count = 0;

	*out_more = false;
	if (ledger_next(l, &next, err) < 0)
		return -1;
	for (uint32_t n = after; n < next - 1;) {
		int there = ledger_files_head(l, ++n, &r, err);

		if (there < 0)
			return -1;
		if (there == 0)
			continue;
		if (count == room) {
			*out_more = true;
			break;
		}
		struct wire_ledger_row *row = &rows[count++];

		*row = (struct wire_ledger_row){ .number = n, .state = r.state,
						 .changed_at = r.changed_at,
						 .is_home_kept = r.is_home_kept };
		(void)str_copy(row->site, sizeof(row->site), r.site);	/* same size */
	}
	*out_count = count;
	return 0;
}
