/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions and the staged tree of nginx's files. */
#include "tenants/nginx_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"
#include "tenants/vhost.h"

#define REVISION_FILE "revision"
#define MARK_FILE ".revision"
#define REVISION_MAGIC 0x544e5456u	/* "TNTV" */

struct revision_record {
	uint32_t magic, revision;
};

static int load(int dir, const char *name, uint32_t *out, struct err *err)
{
	struct revision_record r = { 0 };

	if (file_read_record(dir, name, &r, sizeof(r), err) < 0)
		return -1;
	if (r.magic != REVISION_MAGIC)
		return err_set(err, ERR_BAD_RECORD, "nginx's record '%s' is damaged; remove it",
			       name);
	*out = r.revision;
	return 0;
}

static int store(int dir, const char *name, uint32_t revision, struct err *err)
{
	struct revision_record r = { REVISION_MAGIC, revision };

	return file_write(dir, name, &r, sizeof(r), 0644, 0, 0, err);
}

int nginx_tree_revision(int nginx, uint32_t *out, struct err *err)
{
	if (faccessat(nginx, REVISION_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
		*out = 0;
		return 0;
	}
	return load(nginx, REVISION_FILE, out, err);
}

int nginx_tree_advance(int nginx, uint32_t *out, struct err *err)
{
	uint32_t revision = 0;

	if (nginx_tree_revision(nginx, &revision, err) < 0 ||
	    store(nginx, REVISION_FILE, revision + 1, err) < 0)
		return -1;
	*out = revision + 1;
	return 0;
}

int nginx_tree_mark(int dir, uint32_t revision, struct err *err)
{
	return store(dir, MARK_FILE, revision, err);
}

int nginx_tree_unmark(int dir, struct err *err)
{
	return file_remove(dir, MARK_FILE, err);
}

int nginx_tree_read_mark(int dir, uint32_t *out, struct err *err)
{
	if (faccessat(dir, MARK_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return err_set(err, ERR_BAD_RECORD, "the staged tree is not whole; apply again");
	return load(dir, MARK_FILE, out, err);
}

static int count_file(int dir, const char *name, void *arg, struct err *err)
{
	(void)dir;
	(void)name;
	(void)err;
	++*(int *)arg;
	return 0;
}

int nginx_tree_files(int dir, struct err *err)
{
	int count = 0;

	return file_each(dir, count_file, &count, err) < 0 ? -1 : count;
}

bool nginx_tree_has(int dir, const char *name, const struct text *want)
{
	struct err none = { 0 };
	bool same = false;

	if (!want)
		return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
	char *is = malloc(want->size + 1);

	if (is)
		same = file_read(dir, name, is, want->size + 1, &none) == (ssize_t)want->size &&
		       memcmp(is, want->data, want->size) == 0;
	free(is);
	return same;
}

bool nginx_tree_has_shared(const struct settings *s, int dir, uint32_t revision)
{
	struct text want = { 0 };

	vhost_render_shared(s, revision, &want);
	bool same = !want.failed && nginx_tree_has(dir, VHOST_SHARED_FILE, &want);

	text_free(&want);
	return same;
}

int nginx_tree_drop_staged(int nginx, struct err *err)
{
	return file_remove_tree(nginx, NGINX_STAGED, err);
}
