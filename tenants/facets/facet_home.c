/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `home`: the folder of the site.  The folder itself is root's, so that
 * the tenant can neither rename what lies in it nor put a link in its place;
 * what lies in it is the tenant's.
 */
#include "tenants/facets/facet.h"

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
#include "tenants/home_kept.h"

#define HOME_MODE 0711
#define PUBLIC_MODE 0755
#define START_PAGE "index.html"

static const struct part {
	const char *name;
	mode_t mode;
	bool is_tenants;
} parts[] = {
	{ "public", PUBLIC_MODE, true },
	{ "private", 0700, true },
	{ "sessions", 0700, true },
	{ "tmp", 0700, true },
	{ "logs", 0755, false },	/* where the logs are bound in the jail */
};

static mode_t part_mode(size_t i)
{
	return mutant_is_off("private-mode") ? PUBLIC_MODE : parts[i].mode;
}

/* The folder right below the home that the document root lies in, if it is
 * not among the parts.  1 and OUT filled, or 0. */
static int own_root(const struct wire_tenant *t, char out[OPTION_TEXT_MAX])
{
	const char *root = t->options.document_root;

	(void)snprintf(out, OPTION_TEXT_MAX, "%.*s", (int)strcspn(root, "/"), root);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcmp(parts[i].name, out) == 0)
			return 0;
	return 1;
}

/* Makes one folder in the home.  One that is somebody else's is not taken. */
static int make_part(const struct facet_run *run, int home, const char *name, mode_t mode,
		     bool is_tenants, struct err *err)
{
	uid_t uid = is_tenants ? run->uid : 0;
	struct stat st;

	if (fstatat(home, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid != uid &&
	    st.st_uid != 0)
		return err_set(err, ERR_CONFLICT,
			       "folder '%s/%s/%s' is there and belongs to user %u; move it away",
			       run->settings->home_dir, run->tenant->site, name, st.st_uid);
	CLOSE_AT_EXIT int made = file_make_dir(home, name, mode, uid, uid, err);

	return made < 0 ? -1 : 0;
}

static int find_any(int dir, const char *name, void *arg, struct err *err)
{
	(void)dir;
	(void)name;
	(void)arg;
	(void)err;
	return 1;
}

/* A page that says the site answers, in a new site's empty document root. */
static int make_start_page(const struct facet_run *run, int home, struct err *err)
{
	char page[SITE_MAX + 200];
	CLOSE_AT_EXIT int dir = file_open_beneath(home, "public", O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0)
		return err_sys(err, "open folder 'public'");
	if (file_each(dir, find_any, NULL, NULL) != 0)		/* not empty, or not to be read */
		return 0;
	int n = snprintf(page, sizeof(page), "<!doctype html>\n<title>%s</title>\n"
			 "<p>%s is ready. Put your pages here in its place.</p>\n",
			 run->tenant->site, run->tenant->site);
	CLOSE_AT_EXIT int fd = openat(dir, START_PAGE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
				      O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, "make '%s'", START_PAGE);
	if (fd_write_full(fd, page, (size_t)n) < 0 || fchown(fd, run->uid, run->uid) < 0)
		return err_sys(err, "write '%s'", START_PAGE);
	return 0;
}

static uid_t home_owner(const struct facet_run *run)
{
	return mutant_is_off("home-owner") ? run->uid : 0;
}

int home_make(struct facet_run *run, struct err *err)
{
	const char *site = run->tenant->site;
	char root[OPTION_TEXT_MAX];
	CLOSE_AT_EXIT int homes = base_tree_open(run->settings->home_dir, NULL, err);

	if (homes < 0)
		return -1;
	/* A removal that was broken off and is taken back. */
	if (home_kept_return(homes, run->number, site, err) < 0)
		return -1;
	run->is_home_made = faccessat(homes, site, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	uid_t owner = home_owner(run);
	CLOSE_AT_EXIT int home = file_make_dir(homes, site, HOME_MODE, owner, owner, err);

	if (home < 0)
		return -1;
	fault_point("build.home.made");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (make_part(run, home, parts[i].name, part_mode(i), parts[i].is_tenants,
			      err) < 0)
			return -1;
	fault_point("build.home.parts");
	if (own_root(run->tenant, root) &&
	    make_part(run, home, root, PUBLIC_MODE, true, err) < 0)
		return -1;
	return run->is_new ? make_start_page(run, home, err) : 0;
}

int home_undo(struct facet_run *run, struct err *err)
{
	CLOSE_AT_EXIT int homes = base_tree_open(run->settings->home_dir, NULL, err);

	if (homes < 0)
		return -1;
	if (run->is_retreat)
		return run->is_home_made ? file_remove_tree(homes, run->tenant->site, err) : 0;
	/* The name may be another number's by now, and so the folder. */
	if (run->owns_site && home_kept_aside(homes, run->number, run->tenant->site, err) < 0)
		return -1;
	run->is_home_kept = home_kept_is_there(homes, run->number);
	return 0;
}

static int check_part(const struct facet_run *run, int home, const char *name, mode_t mode,
		      uid_t uid, struct err *err)
{
	struct stat st;

	if (fstatat(home, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look at '%s' of '%s'", name, run->tenant->site);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & 07777) != mode || st.st_uid != uid ||
	    st.st_gid != uid)
		return err_set(err, ERR_FAILED, "'%s' of '%s' is not a folder of %u with mode %04o",
			       name, run->tenant->site, uid, mode);
	return 0;
}

int home_check(const struct facet_run *run, struct err *err)
{
	char root[OPTION_TEXT_MAX];
	CLOSE_AT_EXIT int homes = base_tree_open(run->settings->home_dir, NULL, err);

	if (homes < 0 ||
	    check_part(run, homes, run->tenant->site, HOME_MODE, home_owner(run), err) < 0)
		return -1;
	CLOSE_AT_EXIT int home = file_open_beneath(homes, run->tenant->site,
						   O_RDONLY | O_DIRECTORY, 0);

	if (home < 0)
		return err_sys(err, "open the home of '%s'", run->tenant->site);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (check_part(run, home, parts[i].name, part_mode(i),
			       parts[i].is_tenants ? run->uid : 0, err) < 0)
			return -1;
	return own_root(run->tenant, root) ?
	       check_part(run, home, root, PUBLIC_MODE, run->uid, err) : 0;
}
