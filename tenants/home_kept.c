/* SPDX-License-Identifier: Apache-2.0 */
/* Moving homes aside and back, giving them to a new number, deleting them. */
#include "tenants/home_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"

#define DAY_S 86400

static void kept_name(uint32_t number, char out[16])
{
	(void)snprintf(out, 16, "%u", number);
}

static int open_removed(int homes, struct err *err)
{
	return file_make_dir(homes, HOME_REMOVED_DIR,
			     mutant_is_off("removed-closed") ? 0755 : 0700, 0, 0, err);
}

bool home_kept_is_there(int homes, uint32_t number)
{
	char path[sizeof(HOME_REMOVED_DIR) + 17];

	(void)snprintf(path, sizeof(path), "%s/%u", HOME_REMOVED_DIR, number);
	return faccessat(homes, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* rename() that replaces nothing.  Nothing to move is success. */
static int move(int from, const char *name, int to, const char *new_name, struct err *err)
{
	if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "move '%s' to '%s'", name, new_name);
	if (fsync(from) < 0 || fsync(to) < 0)
		return err_sys(err, "fsync the folders of '%s'", name);
	return 0;
}

int home_kept_aside(int homes, uint32_t number, const char *site, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int removed = open_removed(homes, err);

	if (removed < 0)
		return -1;
	kept_name(number, name);
	if (move(homes, site, removed, name, err) < 0)
		return -1;
	fault_point("build.home.aside");
	return 0;
}

int home_kept_return(int homes, uint32_t number, const char *site, struct err *err)
{
	char name[16];

	if (!home_kept_is_there(homes, number))
		return 0;
	CLOSE_AT_EXIT int removed = open_removed(homes, err);

	if (removed < 0)
		return -1;
	kept_name(number, name);
	return move(removed, name, homes, site, err);
}

/* ---- a new owner ---- */

struct owners {
	uint64_t base;		/* tenants' ids are above it */
	uint64_t end;		/* and below this */
	uint64_t old, heir;	/* who owned the home, and who nearly did */
	uid_t uid;		/* who shall */
};

static bool is_tenants(const struct owners *o, uint64_t id)
{
	return id > o->base && id < o->end;
}

/* A file with several names is only taken if this home's owner made it: one of
 * its names might be elsewhere. */
static bool may_take(const struct owners *o, const struct stat *st)
{
	if (st->st_uid == o->old || st->st_uid == o->heir)
		return true;
	return is_tenants(o, st->st_uid) && (S_ISDIR(st->st_mode) || st->st_nlink == 1);
}

/* FD is what NAME in DIR is, opened with O_PATH: nothing is followed, and what
 * is looked at is what changes hands. */
static int give_one(const struct owners *o, int fd, const char *name, bool *out_is_dir,
		    struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", name);
	*out_is_dir = S_ISDIR(st.st_mode);
	if (!may_take(o, &st))
		return 0;
	gid_t gid = is_tenants(o, st.st_gid) ? o->uid : (gid_t)-1;

	if (fchownat(fd, "", o->uid, gid, AT_EMPTY_PATH) < 0)
		return err_sys(err, "give '%s' to user %u", name, o->uid);
	return 0;
}

struct giving {
	const struct owners *owners;
	int depth;		/* of what lies in the folder */
};

static int give_tree(int dir, const char *name, void *arg, struct err *err)
{
	const struct giving *g = arg;
	struct giving below = { g->owners, g->depth + 1 };
	bool is_dir = false;
	CLOSE_AT_EXIT int path = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (path < 0)
		return err_sys(err, "open '%s'", name);
	if (give_one(g->owners, path, name, &is_dir, err) < 0)
		return -1;
	if (!is_dir)
		return 0;
	if (g->depth >= FILE_DEPTH_MAX)
		return err_set(err, ERR_FAILED, "folders below '%s' are nested deeper than %d",
			       name, FILE_DEPTH_MAX);
	return file_each(path, give_tree, &below, err) < 0 ? err_wrap(err, "%s", name) : 0;
}

static int check_restore(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
			 struct ledger_record *out_old, struct err *err)
{
	struct ledger_record new;

	if (ledger_load(l, t->restore_number, out_old, err) < 0 ||
	    ledger_load(l, number, &new, err) < 0)
		return -1;
	if ((strcmp(out_old->site, t->site) != 0 || strcmp(new.site, t->site) != 0) &&
	    !mutant_is_off("restore-owner"))
		return err_set(err, ERR_CONFLICT, "numbers %u and %u are not both of site '%s'",
			       t->restore_number, number, t->site);
	if (new.state == LEDGER_REMOVED)
		return err_set(err, ERR_CONFLICT, "number %u is retired", number);
	if (out_old->state != LEDGER_REMOVED)
		return err_set(err, ERR_CONFLICT, "site '%s' is not removed", t->site);
	if (!out_old->is_home_kept && out_old->heir != number)
		return err_set(err, ERR_UNKNOWN_SITE, "the home of removed site '%s' is not kept "
			       "any more", t->site);
	return 0;
}

int home_kept_restore(const struct settings *s, const struct ledger *l, uint32_t number,
		      const struct wire_tenant *t, struct err *err)
{
	struct ledger_record old;
	uint32_t next = 0;
	char name[16];

	if (check_restore(l, number, t, &old, err) < 0 || ledger_next(l, &next, err) < 0)
		return -1;
	if (!old.is_home_kept)
		return 0;		/* an earlier run has done it */
	CLOSE_AT_EXIT int homes = base_tree_open(s->home_dir, NULL, err);
	CLOSE_AT_EXIT int removed = homes < 0 ? -1 : open_removed(homes, err);

	if (removed < 0)
		return -1;
	bool is_aside = home_kept_is_there(homes, t->restore_number);
	bool has_home = faccessat(homes, t->site, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_aside && has_home)
		return err_set(err, ERR_CONFLICT, "site '%s' has a home already", t->site);
	if (!is_aside && (!has_home || old.heir != number))
		return err_set(err, ERR_FAILED, "the kept home of '%s' is gone", t->site);
	struct owners o = { .base = s->uid_base, .end = s->uid_base + next,
			    .old = s->uid_base + t->restore_number,
			    .heir = s->uid_base + (old.heir ? old.heir : t->restore_number),
			    .uid = (uid_t)(s->uid_base + number) };

	kept_name(t->restore_number, name);
	if (is_aside && (ledger_pass_home(l, t->restore_number, number, true, err) < 0 ||
			 give_tree(removed, name, &(struct giving){ &o, 0 }, err) < 0))
		return err_wrap(err, "restore '%s'", t->site);
	fault_point("build.restore.given");
	if (is_aside && move(removed, name, homes, t->site, err) < 0)
		return -1;
	fault_point("build.restore.moved");
	return ledger_pass_home(l, t->restore_number, number, false, err);
}

/* ---- the end ---- */

static int purge_one(const struct ledger *l, int removed, uint32_t number, struct err *err)
{
	char name[16];

	kept_name(number, name);
	if (file_remove_tree(removed, name, err) < 0)
		return err_wrap(err, "delete the removed home %u", number);
	fault_point("build.purge.deleted");
	return ledger_pass_home(l, number, 0, false, err);
}

int home_kept_purge(const struct settings *s, const struct ledger *l, int64_t now,
		    struct err *err)
{
	int64_t keep_s = (int64_t)s->removed_keep_days * DAY_S;
	struct wire_ledger_row row;
	uint32_t count = 0;
	bool more = true;
	int rc = 0;
	CLOSE_AT_EXIT int homes = base_tree_open(s->home_dir, NULL, err);
	CLOSE_AT_EXIT int removed = homes < 0 ? -1 : open_removed(homes, err);

	if (removed < 0)
		return -1;
	for (uint32_t after = 0; more; after = row.number) {
		if (ledger_page(l, after, &row, 1, &count, &more, err) < 0)
			return -1;
		if (count == 0)
			break;
		/* One home that cannot be deleted does not keep the others. */
		if (row.state == LEDGER_REMOVED && row.is_home_kept &&
		    row.changed_at + keep_s <= now && purge_one(l, removed, row.number, err) < 0)
			rc = -1;
	}
	return rc;
}
