/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a swap. */
#include "tenants/nginx_swap.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "schema/errors.h"
#include "tenants/base_tree.h"
#include "tenants/nginx_master.h"
#include "tenants/nginx_test.h"
#include "tenants/nginx_tree.h"

#define LOAD_LIMIT_MS 10000
#define ASK_AFTER 4		/* a part of the limit */
#define LOAD_LIMIT_PER_SITE_MS 2	/* 10,000 sites took 7 s on a slow machine */

static int open_tree(int nginx, const char *name, struct err *err)
{
	int dir = file_open_beneath(nginx, name, O_RDONLY | O_DIRECTORY, 0);

	return dir < 0 ? err_sys(err, "open nginx's folder '%s'", name) : dir;
}

static int check_staged(int nginx, uint32_t revision, struct err *err)
{
	uint32_t is = 0;
	CLOSE_AT_EXIT int staged = open_tree(nginx, NGINX_STAGED, err);

	if (staged < 0 || nginx_tree_read_mark(staged, &is, err) < 0)
		return -1;
	if (is != revision)
		return err_set(err, ERR_BAD_RECORD, "the staged tree is revision %u, not %u", is,
			       revision);
	return 0;
}

static int exchange(int nginx, struct err *err)
{
	if (renameat2(nginx, NGINX_STAGED, nginx, NGINX_SITES, RENAME_EXCHANGE) < 0)
		return err_sys(err, "exchange '%s' and '%s'", NGINX_STAGED, NGINX_SITES);
	if (fsync(nginx) < 0)
		return err_sys(err, "fsync nginx's folder");
	return 0;
}

/* Of the staged tree, while it can still be refused. */
static int limit_ms(int nginx, struct err *err)
{
	CLOSE_AT_EXIT int staged = open_tree(nginx, NGINX_STAGED, err);
	int files = staged < 0 ? -1 : nginx_tree_files(staged, err);

	return files < 0 ? -1 : LOAD_LIMIT_MS + files * LOAD_LIMIT_PER_SITE_MS;
}

/* A reload that nginx refuses is told of nowhere but in its log.  So when it is late it is asked
 * why: there may be a file that somebody else has changed, and nobody looked at. */
static int wait_for_load(const struct settings *s, const struct nginx_master *m, uint32_t revision,
			 int limit, struct err *err)
{
	struct err why = { 0 };
	int rc = nginx_master_wait(m, s, revision, limit / ASK_AFTER, err);

	if (rc <= 0)
		return rc;
	/* A conflict of names elsewhere is no refusal. */
	if (nginx_test(s, NULL, &why) < 0 && why.code != ERR_CONFLICT) {
		*err = why;
		return -1;
	}
	rc = nginx_master_wait(m, s, revision, limit - limit / ASK_AFTER, err);
	return rc <= 0 ? rc : err_set(err, ERR_NGINX, "nginx did not load revision %u within "
				      "%d s; see its error log, and whether '%s' includes "
				      "'%s/nginx/sites/*.conf'", revision, limit / 1000,
				      s->nginx_conf, s->state_dir);
}

static int load(const struct settings *s, int nginx, struct nginx_master *m, uint32_t revision,
		struct err *err)
{
	struct err second = { 0 };
	int limit = limit_ms(nginx, err);

	if (limit < 0)
		return -1;
	nginx_master_note(m);
	if (exchange(nginx, err) < 0)
		return -1;
	fault_point("nginx.exchanged");
	int rc = nginx_master_reload(m, err);

	fault_point("nginx.signalled");
	if (rc == 0)
		rc = wait_for_load(s, m, revision, limit, err);
	if (rc == 0)
		return 0;
	/* What nginx runs and what it would read are the same again.  It is told
	 * too: it might be slow and not unwilling. */
	if (exchange(nginx, &second) == 0)
		(void)nginx_master_reload(m, &second);	/* gone: reads it at its start */
	return -1;
}

int nginx_swap(const struct settings *s, uint32_t revision, struct err *err)
{
	struct nginx_master master = { .pidfd = -1 };
	struct nginx_changed changed;
	struct err second = { 0 };
	CLOSE_AT_EXIT int nginx = base_tree_open(s->state_dir, NGINX_DIR, err);

	if (nginx < 0 || check_staged(nginx, revision, err) < 0)
		return -1;
	int rc = nginx_master_find(s, &master, err);

	if (rc < 0)
		nginx_master_clear_socket(s);
	if (rc == 0)
		rc = nginx_changed_find(s, nginx, revision, &changed, err);
	if (rc == 0)
		rc = nginx_test(s, &changed, err);
	fault_point("nginx.tested");
	if (rc == 0)
		rc = load(s, nginx, &master, revision, err);
	nginx_master_close(&master);
	fault_point("nginx.loaded");
	/* Only now: while it is there, the next builder knows of an open swap. */
	if (nginx_tree_drop_staged(nginx, rc < 0 ? &second : err) < 0)
		return -1;
	fault_point("nginx.dropped");
	return rc;
}
