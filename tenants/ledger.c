/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's files, and the order in which they change. */
#include "tenants/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

#define NEXT "next"
#define LOCK_TRIES 500
#define LOCK_PAUSE_MS 20
#define UID_LAST UINT64_C(4294967293)	/* -1 and -2 have other meanings */
#define HEAD_SIZE offsetof(struct ledger_record, alias)

struct ledger_mark {
	uint32_t magic, version, next, reserved;
};

static void number_name(uint32_t number, char out[16])
{
	(void)snprintf(out, 16, "%u", number);
}

static int damaged(struct err *err, const char *name)
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

static bool has_records(const struct ledger *l)
{
	CLOSE_AT_EXIT int scan = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = scan < 0 ? NULL : fdopendir(scan);
	bool found = !entries;		/* what cannot be read is not taken for empty */

	if (!entries)
		return found;
	scan = -1;
	for (struct dirent *e; !found && (e = readdir(entries));)
		found = e->d_name[0] >= '0' && e->d_name[0] <= '9';
	(void)closedir(entries);	/* read only */
	return found;
}

int ledger_next(const struct ledger *l, uint32_t *out, struct err *err)
{
	struct ledger_mark mark = { 0 };

	if (faccessat(l->dir, NEXT, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || has_records(l))
			return damaged(err, NEXT);
		*out = 1;
		return 0;
	}
	if (file_read_record(l->dir, NEXT, &mark, sizeof(mark), err) < 0)
		return err_wrap(err, "ledger");
	if (mark.magic != LEDGER_MAGIC || mark.version != LEDGER_VERSION || mark.next == 0)
		return damaged(err, NEXT);
	*out = mark.next;
	return 0;
}

static int store_next(const struct ledger *l, uint32_t next, struct err *err)
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
		return damaged(err, name);
	return 0;
}

/* Reads what stands before the aliases.  1 if it is there, 0 if not, -1. */
static int load_head(const struct ledger *l, uint32_t number, struct ledger_record *out,
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
		return damaged(err, name);
	return check_head(out, number, err) < 0 ? -1 : 1;
}

bool ledger_is_living(const struct ledger *l, uint32_t number)
{
	struct ledger_record r = { 0 };
	struct err none = { 0 };

	/* A record that cannot be read counts as living: nothing is taken away. */
	return load_head(l, number, &r, &none) != 0 && r.state != LEDGER_REMOVED;
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
			return damaged(err, name);
	return 0;
}

static int store(const struct ledger *l, struct ledger_record *r, struct err *err)
{
	char name[16];

	r->magic = LEDGER_MAGIC;
	r->version = LEDGER_VERSION;
	r->size = sizeof(*r);
	number_name(r->number, name);
	return file_write(l->dir, name, r, sizeof(*r), 0600, 0, 0, err);
}

/* ---- names ---- */

static bool has_name(const struct ledger_record *r, const char *host)
{
	if (strcmp(r->site, host) == 0)
		return true;
	for (uint32_t i = 0; i < r->alias_count; i++)
		if (strcmp(r->alias[i], host) == 0)
			return true;
	return false;
}

static bool wants_name(const struct wire_tenant *t, const char *host)
{
	if (strcmp(t->site, host) == 0)
		return true;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (strcmp(t->alias[i], host) == 0)
			return true;
	return false;
}

/* The number in the claim, 0 if there is none. */
static int read_claim(const struct ledger *l, const char *host, uint32_t *out, struct err *err)
{
	struct ledger_host claim = { 0 };

	*out = 0;
	if (faccessat(l->hosts, host, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (file_read_record(l->hosts, host, &claim, sizeof(claim), err) < 0)
		return err_wrap(err, "claim of a host name");
	if (claim.magic != LEDGER_MAGIC || claim.number == 0)
		return damaged(err, host);
	*out = claim.number;
	return 0;
}

/* Like ledger_holder(), and *out_record holds the holder's record. */
static int find_holder(const struct ledger *l, const char *host, uint32_t *out,
		       struct ledger_record *out_record, struct err *err)
{
	uint32_t number = 0;

	*out = 0;
	if (read_claim(l, host, &number, err) < 0)
		return -1;
	if (number == 0)
		return 0;
	int there = load_head(l, number, out_record, err);

	if (there < 0)
		return -1;
	if (there == 0 || out_record->state == LEDGER_REMOVED)
		return 0;		/* left by a killed run */
	if (ledger_load(l, number, out_record, err) < 0)
		return -1;
	if (has_name(out_record, host))
		*out = number;
	return 0;
}

int ledger_holder(const struct ledger *l, const char *host, uint32_t *out, struct err *err)
{
	struct ledger_record r;

	return find_holder(l, host, out, &r, err);
}

static int check_name(const struct ledger *l, uint32_t number, const char *host, bool is_site,
		      struct err *err)
{
	struct ledger_record r;
	uint32_t holder = 0;

	if (find_holder(l, host, &holder, &r, err) < 0)
		return -1;
	if (holder == 0 || holder == number || mutant_is_off("name-owner"))
		return 0;
	if (is_site && strcmp(r.site, host) == 0)
		return err_set(err, ERR_CONFLICT, "site '%s' exists already", host);
	return err_set(err, ERR_CONFLICT, "host name '%s' belongs to site '%s'", host, r.site);
}

int ledger_check_names(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		       struct err *err)
{
	if (check_name(l, number, t->site, true, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (check_name(l, number, t->alias[i], false, err) < 0)
			return -1;
	return 0;
}

/* Puts a claim in place, whole or not at all: linkat() refuses to replace. */
static int add_claim(const struct ledger *l, uint32_t number, const char *host, struct err *err)
{
	static const char temporary[] = ".new";
	struct ledger_host claim = { LEDGER_MAGIC, number };
	uint32_t before = 0;

	if (read_claim(l, host, &before, err) < 0)
		return -1;
	if (before == number)
		return 0;
	/* The caller has found that a claim which is there counts for nobody. */
	if (unlinkat(l->hosts, host, 0) < 0 && errno != ENOENT)
		return err_sys(err, "clear the claim of '%s'", host);
	if (file_write(l->hosts, temporary, &claim, sizeof(claim), 0600, 0, 0, err) < 0)
		return err_wrap(err, "claim '%s'", host);
	if (linkat(l->hosts, temporary, l->hosts, host, 0) < 0)
		return err_sys(err, "claim '%s'", host);
	return file_remove(l->hosts, temporary, err);
}

static int add_claims(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		      struct err *err)
{
	if (add_claim(l, number, t->site, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (add_claim(l, number, t->alias[i], err) < 0)
			return -1;
	return 0;
}

static void set_aliases(struct ledger_record *r, const struct wire_tenant *t)
{
	memset(r->alias, 0, sizeof(r->alias));
	r->alias_count = t->alias_count;
	for (uint32_t i = 0; i < t->alias_count; i++)
		(void)str_copy(r->alias[i], SITE_MAX, t->alias[i]);	/* same size */
}

/* Gives up a claim, if it is this number's. */
static int drop_claim(const struct ledger *l, uint32_t number, const char *host, struct err *err)
{
	uint32_t holder = 0;

	if (read_claim(l, host, &holder, err) < 0)
		return -1;
	return holder == number ? file_remove(l->hosts, host, err) : 0;
}

/* ---- numbers ---- */

static int check_room(const struct ledger *l, uint32_t next, uint64_t tenants_max,
		      uint64_t uid_base, struct err *err)
{
	uint64_t living = 0;
	struct ledger_record r;

	if (uid_base + next > UID_LAST || next > INT32_MAX)
		return err_set(err, ERR_EXHAUSTED,
			       "the user numbers are used up: uid_base %llu and number %u; "
			       "numbers are never reused", (unsigned long long)uid_base, next);
	for (uint32_t n = 1; n < next; n++) {
		int there = load_head(l, n, &r, err);

		if (there < 0)
			return -1;
		living += there == 1 && r.state != LEDGER_REMOVED;
	}
	if (living >= tenants_max)
		return err_set(err, ERR_EXHAUSTED,
			       "there are %llu sites, all that tenants_max allows; remove one or "
			       "raise tenants_max in tenantd.conf and restart tenantd",
			       (unsigned long long)living);
	return 0;
}

int ledger_issue(const struct ledger *l, const struct wire_tenant *t, uint64_t tenants_max,
		 uint64_t uid_base, uint32_t *out, struct err *err)
{
	struct ledger_record r = { 0 };
	uint32_t number = 0;

	if (find_holder(l, t->site, &number, &r, err) < 0)
		return -1;
	if (number != 0 && strcmp(r.site, t->site) != 0)
		return err_set(err, ERR_CONFLICT, "host name '%s' is an alias of site '%s'",
			       t->site, r.site);
	if (ledger_check_names(l, number, t, err) < 0)
		return -1;
	if (number != 0) {
		*out = number;
		return 0;
	}
	if (ledger_next(l, &number, err) < 0 ||
	    check_room(l, number, tenants_max, uid_base, err) < 0)
		return -1;
	/* From here on the number is spent, whatever happens. */
	if (store_next(l, number + 1, err) < 0)
		return err_wrap(err, "ledger");
	fault_point("build.ledger.next");
	memset(&r, 0, sizeof(r));
	r.number = number;
	r.state = LEDGER_ISSUED;
	r.changed_at = (int64_t)time(NULL);
	(void)str_copy(r.site, sizeof(r.site), t->site);	/* same size */
	set_aliases(&r, t);
	if (add_claims(l, number, t, err) < 0)
		return -1;
	fault_point("build.ledger.claim");
	if (store(l, &r, err) < 0)
		return err_wrap(err, "ledger");
	*out = number;
	return 0;
}

/* ---- changes of a record ---- */

int ledger_claim(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		 struct err *err)
{
	struct ledger_record old;
	struct ledger_record new;

	if (ledger_load(l, number, &old, err) < 0 ||
	    ledger_check_names(l, number, t, err) < 0 ||
	    add_claims(l, number, t, err) < 0)
		return -1;
	fault_point("build.ledger.aliases");
	new = old;
	set_aliases(&new, t);
	if ((new.alias_count != old.alias_count ||
	     memcmp(new.alias, old.alias, sizeof(new.alias)) != 0) && store(l, &new, err) < 0)
		return err_wrap(err, "ledger");
	fault_point("build.ledger.record");
	for (uint32_t i = 0; i < old.alias_count; i++)
		if (!wants_name(t, old.alias[i]) &&
		    drop_claim(l, number, old.alias[i], err) < 0)
			return -1;
	return 0;
}

int ledger_built(const struct ledger *l, uint32_t number, struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	if (r.state == LEDGER_BUILT)
		return 0;
	r.state = LEDGER_BUILT;
	r.changed_at = (int64_t)time(NULL);
	return store(l, &r, err);
}

int ledger_retire(const struct ledger *l, uint32_t number, bool is_home_kept, struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	if (r.state != LEDGER_REMOVED) {
		r.state = LEDGER_REMOVED;
		r.is_home_kept = is_home_kept;
		r.changed_at = (int64_t)time(NULL);	/* the days of the home count from here */
		if (store(l, &r, err) < 0)
			return err_wrap(err, "ledger");
	}
	fault_point("build.ledger.retired");
	for (uint32_t i = 0; i < r.alias_count; i++)
		if (drop_claim(l, number, r.alias[i], err) < 0)
			return -1;
	return drop_claim(l, number, r.site, err);
}

int ledger_pass_home(const struct ledger *l, uint32_t number, uint32_t heir, bool is_home_kept,
		     struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	r.heir = heir;
	r.is_home_kept = is_home_kept;
	return store(l, &r, err);
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
		int there = load_head(l, ++n, &r, err);

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
