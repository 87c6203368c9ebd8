/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facet `mail`: the record that tells tenant-mail how much this tenant may send.
 * Without one it takes nothing of him.
 */
#include "tenants/facets/facet.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/mail_wire.h"
#include "tenants/base_tree.h"

static int open_rules(const struct facet_run *run, char name[16], struct err *err)
{
	(void)snprintf(name, 16, "%u", run->number);
	return base_tree_open(run->settings->state_dir, MAIL_DIR, err);
}

static int fill(struct mail_rule *r, const struct facet_run *run, struct err *err)
{
	const struct options *o = &run->tenant->options;

	/* Also what lies between the fields: records are compared as bytes. */
	memset(r, 0, sizeof(*r));
	r->magic = MAIL_MAGIC;
	r->version = MAIL_VERSION;
	r->size = sizeof(*r);
	r->number = run->number;
	r->is_allowed = o->mail == MAIL_ALLOW && !run->tenant->is_suspended;
	r->per_hour = (uint32_t)o->mail_per_hour;
	r->size_max = o->mail_size;
	if (str_copy(r->site, sizeof(r->site), run->tenant->site) < 0)
		return err_set(err, ERR_BAD_NAME, "the site's name is too long");
	return 0;
}

int mail_make(struct facet_run *run, struct err *err)
{
	struct mail_rule rule;
	char name[16];
	CLOSE_AT_EXIT int dir = open_rules(run, name, err);

	if (dir < 0 || fill(&rule, run, err) < 0)
		return -1;
	/* Read by tenant-mail, whose user and group have one number, and by nobody else. */
	return file_write(dir, name, &rule, sizeof(rule), 0640, 0, (gid_t)run->settings->mail_uid,
			  err);
}

int mail_undo(struct facet_run *run, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int dir = open_rules(run, name, err);

	return dir < 0 ? -1 : file_remove(dir, name, err);
}

int mail_check(const struct facet_run *run, struct err *err)
{
	struct mail_rule want, is;
	char name[16];
	CLOSE_AT_EXIT int dir = open_rules(run, name, err);

	if (dir < 0 || fill(&want, run, err) < 0 ||
	    file_read_record(dir, name, &is, sizeof(is), err) < 0)
		return -1;
	if (memcmp(&want, &is, sizeof(is)) != 0)
		return err_set(err, ERR_FAILED, "the mail rule of %u is not what the tenant "
			       "should be", run->number);
	return 0;
}
