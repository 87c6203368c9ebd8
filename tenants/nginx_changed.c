/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the staged tree with the live one. */
#include "tenants/nginx_changed.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "tenants/base_tree.h"
#include "tenants/nginx_tree.h"

struct comparison {
	int sites;
	struct nginx_changed *changed;
	bool is_too_much;
};

static bool is_same_file(int a, int b, const char *name)
{
	struct stat x, y;

	return fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int compare_one(int staged, const char *name, void *arg, struct err *err)
{
	struct comparison *c = arg;
	size_t size = strlen(name);

	(void)err;
	/* What nginx does not include is not looked at. */
	if (size < 5 || strcmp(name + size - 5, ".conf") != 0 || name[0] == '.' ||
	    is_same_file(staged, c->sites, name))
		return 0;
	if (c->changed->count == NGINX_CHANGED_MAX ||
	    str_copy(c->changed->file[c->changed->count], NGINX_FILE_MAX, name) < 0)
		c->is_too_much = true;
	else
		c->changed->count++;
	return 0;
}

int nginx_changed_find(const struct settings *s, int nginx, uint32_t revision,
		       struct nginx_changed *out, struct err *err)
{
	struct comparison c = { .changed = out };
	struct err none = { 0 };
	uint32_t before = 0;
	CLOSE_AT_EXIT int staged = file_open_beneath(nginx, NGINX_STAGED,
						     O_RDONLY | O_DIRECTORY, 0);
	CLOSE_AT_EXIT int sites = file_open_beneath(nginx, NGINX_SITES, O_RDONLY | O_DIRECTORY, 0);

	if (staged < 0 || sites < 0)
		return err_sys(err, "open nginx's folders of sites");
	out->count = 0;
	c.sites = sites;
	if (nginx_tree_read_mark(sites, &before, &none) < 0 ||
	    !nginx_tree_has_shared(s, sites, before) ||
	    !nginx_tree_has_shared(s, staged, revision))
		return 0;
	if (file_each(staged, compare_one, &c, err) < 0)
		return -1;
	if (c.is_too_much)
		out->count = 0;
	return 0;
}
