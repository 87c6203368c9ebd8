/* SPDX-License-Identifier: Apache-2.0 */
/* Making and opening the base folders. */
#include "tenants/base_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/mail_wire.h"
#include "tenants/access_list.h"
#include "tenants/ledger.h"

enum owner { ROOT, WEB, LOG, CONTROL, MAIL };

/* Parents stand before their children. */
static const struct folder {
	size_t base;		/* offset of the path in struct settings */
	const char *sub;	/* below it; NULL: the base folder itself */
	mode_t mode;
	enum owner owner;
} folders[] = {
	/* Homes: nginx passes, nobody else on the host. */
	{ offsetof(struct settings, home_dir), NULL, 0750, WEB },
	{ offsetof(struct settings, home_dir), HOME_REMOVED_DIR, 0700, ROOT },
	{ offsetof(struct settings, state_dir), NULL, 0711, ROOT },
	{ offsetof(struct settings, state_dir), "control", 0700, CONTROL },
	{ offsetof(struct settings, state_dir), SPEC_DIR, 0700, ROOT },
	{ offsetof(struct settings, state_dir), MAIL_DIR, 0711, ROOT },
	{ offsetof(struct settings, state_dir), LEDGER_DIR, 0700, ROOT },
	{ offsetof(struct settings, state_dir), LEDGER_DIR "/" LEDGER_HOSTS, 0700, ROOT },
	{ offsetof(struct settings, state_dir), NGINX_DIR, 0755, ROOT },
	{ offsetof(struct settings, state_dir), NGINX_DIR "/" NGINX_SITES, 0755, ROOT },
	{ offsetof(struct settings, state_dir), NGINX_DIR "/" NGINX_UPLOADS, 0710, WEB },
	{ offsetof(struct settings, run_dir), NULL, 0755, ROOT },
	{ offsetof(struct settings, run_dir), POOL_DIR, 0711, ROOT },
	{ offsetof(struct settings, run_dir), MAIL_DIR, 0711, ROOT },
	/* tenant-mail makes its files in these two; cages see the first. */
	{ offsetof(struct settings, run_dir), MAIL_SOCKET_DIR, 0711, MAIL },
	{ offsetof(struct settings, run_dir), MAIL_COUNTS_DIR, 0700, MAIL },
	/* tenantd makes the pipes there, and gives each to tenant-mail. */
	{ offsetof(struct settings, run_dir), MAIL_LOG_DIR, 0711, ROOT },
	{ offsetof(struct settings, log_dir), NULL, 0750, LOG },
};

/* Refuses a folder in which somebody else could put his own thing in place of
 * ours.  Sticky folders such as /tmp are no danger to what is root's in them. */
static int check_parent(int dir, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_sys(err, "look at folder '%s'", path);
	if (st.st_uid != 0 || ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)))
		return err_set(err, ERR_BAD_CONFIG, "a folder above or at '%s' does not belong to "
			       "root or can be written by others", path);
	return 0;
}

/* Opens the folder in which PATH's last component stands; *out_last points at
 * that component.  MAKE: missing ones become root's, 0755. */
static int open_parent(const char *path, bool make, const char **out_last, struct err *err)
{
	char part[NAME_MAX + 1];
	CLOSE_AT_EXIT int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '/'");
	for (const char *p = path + 1;;) {
		size_t n = strcspn(p, "/");

		if (check_parent(dir, path, err) < 0)
			return -1;
		if (p[n] == '\0') {
			*out_last = p;
			return fd_take(&dir);
		}
		if (str_format(part, sizeof(part), "%.*s", (int)n, p) < 0)
			return err_set(err, ERR_BAD_CONFIG, "a name in '%s' is too long", path);
		if (make && mkdirat(dir, part, 0755) < 0 && errno != EEXIST)
			return err_sys(err, "make folder '%s' of '%s'", part, path);
		int next = openat(dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (next < 0)
			return err_sys(err, "open folder '%s' of '%s'", part, path);
		fd_close(&dir);
		dir = next;
		p += n + 1;
	}
}

static int make_folder(const struct settings *s, const struct folder *f, struct err *err)
{
	const char *base = (const char *)s + f->base;
	const char *last = NULL;
	char path[SETTING_TEXT_MAX + 64];
	uid_t uid = f->owner == CONTROL ? (uid_t)s->control_uid :
		    f->owner == MAIL ? (uid_t)s->mail_uid : 0;
	gid_t gid = f->owner == WEB ? (gid_t)s->web_gid : f->owner == LOG ? (gid_t)s->log_gid : 0;

	if (str_format(path, sizeof(path), "%s%s%s", base, f->sub ? "/" : "",
		       f->sub ? f->sub : "") < 0)
		return err_set(err, ERR_BAD_CONFIG, "the path '%s' is too long", base);
	CLOSE_AT_EXIT int parent = open_parent(path, true, &last, err);

	if (parent < 0)
		return -1;
	bool is_open = mutant_is_off("state-modes") ||
		       (f->owner == WEB && mutant_is_off("homes-folder"));
	mode_t mode = f->mode | (is_open ? 0755 : 0);
	CLOSE_AT_EXIT int made = file_make_dir(parent, last, mode, uid, gid, err);

	return made < 0 ? err_wrap(err, "folder '%s'", path) : 0;
}

int base_tree_make(const struct settings *s, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (make_folder(s, &folders[i], err) < 0)
			return -1;
	/* nginx's workers open their logs again, by path, when they are rotated. */
	CLOSE_AT_EXIT int log = base_tree_open(s->log_dir, NULL, err);

	return log < 0 ? -1 : access_list_add(log, (gid_t)s->web_gid, ACCESS_PASS, false, err);
}

int base_tree_open(const char *path, const char *sub, struct err *err)
{
	CLOSE_AT_EXIT int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open folder '%s' (was tenantd started?)", path);
	if (check_parent(dir, path, err) < 0)
		return -1;
	if (!sub)
		return fd_take(&dir);
	CLOSE_AT_EXIT int in = file_open_beneath(dir, sub, O_RDONLY | O_DIRECTORY, 0);

	if (in < 0)
		return err_sys(err, "open folder '%s/%s' (was tenantd started?)", path, sub);
	if (check_parent(in, path, err) < 0)
		return -1;
	return fd_take(&in);
}
