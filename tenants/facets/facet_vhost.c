/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `vhost`: nginx's view of the site.  Nothing that nginx reads is changed
 * here: a whole new tree is staged beside it, of links to the files that stay,
 * for tenant-nginx to test and swap.
 */
#include "tenants/facets/facet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"
#include "tenants/nginx_tree.h"
#include "tenants/vhost.h"

static void file_name(uint32_t number, char out[24])
{
	(void)snprintf(out, 24, "%u.conf", number);
}

/* A site's file, N.conf, of a number that still lives.  Files of retired
 * numbers are left out, whatever kept nginx from taking an earlier tree. */
static bool stays(const struct facet_run *run, const char *name)
{
	char number[16] = "";
	uint64_t n = 0;
	size_t size = strlen(name);

	if (size < 6 || size >= sizeof(number) || strcmp(name + size - 5, ".conf") != 0)
		return false;
	memcpy(number, name, size - 5);
	return str_number(number, UINT32_MAX, &n) == 0 && n != run->number &&
	       ledger_is_living(run->ledger, (uint32_t)n);
}

/* How many of the tenant's names the file answers for; *OUT becomes the last of them. */
static uint32_t names_in(const struct wire_tenant *t, int sites, const char *name,
			 const char **out)
{
	static char text[VHOST_SIZE_MAX + 1];
	struct err none = { 0 };
	ssize_t size = file_read(sites, name, text, VHOST_SIZE_MAX, &none);
	uint32_t found = 0;

	text[size > 0 ? size : 0] = '\0';
	for (uint32_t i = 0; i <= t->alias_count; i++) {
		const char *host = i == 0 ? t->site : t->alias[i - 1];

		if (!vhost_answers(text, host))
			continue;
		*out = host;
		found++;
	}
	return found;
}

/* True if the tenant has names for which its file in DIR does not answer. */
static bool has_new_names(const struct facet_run *run, int dir, const char *own)
{
	const char *unused = NULL;

	return names_in(run->tenant, dir, own, &unused) <= run->tenant->alias_count;
}

/* Where a change of another site was broken off, its file may answer for a name that the
 * ledger has given away since; nginx would send visitors there. */
static int check_names(int dir, const char *name, void *arg, struct err *err)
{
	const struct facet_run *run = arg;
	const char *host = NULL;

	if (!stays(run, name) || names_in(run->tenant, dir, name, &host) == 0)
		return 0;
	return err_set(err, ERR_CONFLICT, "'%s' is still served by '%s', a site whose last change "
		       "was broken off; try again in a moment", host, name);
}

struct links {
	const struct facet_run *run;
	int staged;
};

static int link_one(int sites, const char *name, void *arg, struct err *err)
{
	const struct links *l = arg;

	if (stays(l->run, name) && linkat(sites, name, l->staged, name, 0) < 0)
		return err_sys(err, "link '%s' into '%s'", name, NGINX_STAGED);
	return 0;
}

/* Links what is in sites and stays into staged. */
static int link_others(const struct facet_run *run, int sites, int staged, struct err *err)
{
	struct links l = { run, staged };

	return file_each(sites, link_one, &l, err) < 0 ? err_wrap(err, NGINX_SITES) : 0;
}

static int put(int dir, const char *name, struct text *t, struct err *err)
{
	if (t->failed)
		return err_set(err, ERR_EXHAUSTED, "no memory, or '%s' becomes too large", name);
	return file_write(dir, name, t->data, t->size, 0644, 0, 0, err);
}

/* Puts what the tenant has of its own, and what all share.  WANT: the tenant's file; NULL: it
 * has none. */
static int finish(struct facet_run *run, int staged, const char *name, struct text *want,
		  uint32_t revision, struct err *err)
{
	struct text shared = { 0 };

	if (want && put(staged, name, want, err) < 0)
		return -1;
	vhost_render_shared(run->settings, revision, &shared);
	int rc = put(staged, VHOST_SHARED_FILE, &shared, err);

	text_free(&shared);
	fault_point("build.vhost.staged");
	/* Last: says that the tree is whole. */
	if (rc < 0 || nginx_tree_mark(staged, revision, err) < 0)
		return -1;
	run->nginx_revision = revision;
	return 0;
}

/* Builds a staged tree beside sites. */
static int stage(struct facet_run *run, int nginx, int sites, const char *name, struct text *want,
		 struct err *err)
{
	uint32_t revision = 0;

	/* The mark goes first: what remains of a broken removal is no whole tree. */
	if (nginx_tree_drop_staged(nginx, err) < 0 || nginx_tree_advance(nginx, &revision, err) < 0)
		return -1;
	CLOSE_AT_EXIT int staged = file_make_dir(nginx, NGINX_STAGED, 0755, 0, 0, err);

	if (staged < 0 || link_others(run, sites, staged, err) < 0 ||
	    (want && has_new_names(run, sites, name) &&
	     file_each(staged, check_names, run, err) < 0))
		return -1;
	fault_point("build.vhost.linked");
	return finish(run, staged, name, want, revision, err);
}

/* Adds to the staged tree of changes that wait for nginx together with this one.  Broken off it
 * has no mark: then nginx gets none of them, and each is staged anew. */
static int stage_more(struct facet_run *run, int nginx, int sites, const char *name,
		      struct text *want, struct err *err)
{
	uint32_t revision = 0;
	CLOSE_AT_EXIT int staged = file_open_beneath(nginx, NGINX_STAGED,
						     O_RDONLY | O_DIRECTORY, 0);

	if (staged < 0)
		return err_sys(err, "open folder '%s'", NGINX_STAGED);
	if (nginx_tree_read_mark(staged, &revision, err) < 0)
		return -1;
	if (revision != run->base_revision)
		return err_set(err, ERR_BAD_RECORD, "the staged tree is revision %u, not %u",
			       revision, run->base_revision);
	if (nginx_tree_has(staged, name, want)) {
		run->nginx_revision = nginx_tree_has(sites, name, want) ? 0 : revision;
		return 0;
	}
	if ((want && has_new_names(run, staged, name) &&
	     file_each(staged, check_names, run, err) < 0) ||
	    nginx_tree_advance(nginx, &revision, err) < 0 ||
	    nginx_tree_unmark(staged, err) < 0)
		return -1;
	fault_point("build.vhost.linked");
	if (!want && file_remove(staged, name, err) < 0)
		return -1;
	return finish(run, staged, name, want, revision, err);
}

static int change(struct facet_run *run, struct text *want, struct err *err)
{
	char name[24];
	uint32_t revision = 0;
	CLOSE_AT_EXIT int nginx = base_tree_open(run->settings->state_dir, NGINX_DIR, err);

	if (nginx < 0)
		return -1;
	CLOSE_AT_EXIT int sites = file_open_beneath(nginx, NGINX_SITES, O_RDONLY | O_DIRECTORY, 0);

	if (sites < 0)
		return err_sys(err, "open folder '%s'", NGINX_SITES);
	file_name(run->number, name);
	if (want && want->failed)
		return err_set(err, ERR_EXHAUSTED, "no memory for '%s'", name);
	if (run->base_revision)
		return stage_more(run, nginx, sites, name, want, err);
	/* What is served carries its own revision: later ones may have been
	 * refused by nginx.  Without a mark it is the first file. */
	if (nginx_tree_read_mark(sites, &revision, NULL) < 0)
		revision = 0;
	/* A staged tree that is still there was never swapped, or nginx was
	 * never told: then it has to be told now, whatever this tenant changed. */
	if (nginx_tree_has(sites, name, want) &&
	    nginx_tree_has_shared(run->settings, sites, revision) &&
	    faccessat(nginx, NGINX_STAGED, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return stage(run, nginx, sites, name, want, err);
}

int vhost_make(struct facet_run *run, struct err *err)
{
	struct text want = { 0 };

	vhost_render(run->settings, run->number, run->tenant, &want);
	int rc = change(run, &want, err);

	text_free(&want);
	return rc;
}

int vhost_undo(struct facet_run *run, struct err *err)
{
	/* A retreat: nginx never saw the staged tree, and shall not. */
	if (run->is_retreat) {
		CLOSE_AT_EXIT int nginx = base_tree_open(run->settings->state_dir, NGINX_DIR, err);

		run->nginx_revision = 0;
		return nginx < 0 ? -1 : nginx_tree_drop_staged(nginx, err);
	}
	return change(run, NULL, err);
}

int vhost_check(const struct facet_run *run, struct err *err)
{
	struct text want = { 0 };
	char name[24];
	CLOSE_AT_EXIT int nginx = base_tree_open(run->settings->state_dir, NGINX_DIR, err);

	if (nginx < 0)
		return -1;
	CLOSE_AT_EXIT int dir = file_open_beneath(nginx, run->nginx_revision ? NGINX_STAGED :
						  NGINX_SITES, O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0)
		return err_sys(err, "open nginx's folder of sites");
	file_name(run->number, name);
	vhost_render(run->settings, run->number, run->tenant, &want);
	bool same = !want.failed && nginx_tree_has(dir, name, &want);

	text_free(&want);
	return same ? 0 : err_set(err, ERR_FAILED, "'%s' is not what the tenant should be", name);
}
