/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: has the supervisor start a command in the cage.  Nothing of its input or
 * output passes through here: the caller gets the descriptors.
 */
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "daemon/control/change_parts.h"
#include "schema/errors.h"

#define NAME_LONGEST 80

/* The program's name for the audit, cut, with what could break a line made '?'.  Its
 * arguments are only counted: people write passwords there. */
static void describe(const struct wire_exec *e, char out[ERR_TEXT_MAX])
{
	char name[NAME_LONGEST + 1] = "";

	for (size_t i = 0; i < NAME_LONGEST && i < e->size && e->words[i]; i++)
		name[i] = (unsigned char)e->words[i] < 0x20 || e->words[i] == 0x7f ? '?' :
			  e->words[i];
	(void)str_format(out, ERR_TEXT_MAX, "%s, %u arguments", name,
			 e->count > 0 ? e->count - 1 : 0);
}

int change_exec(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		struct err *err)
{
	struct wire_exec what = c->exec;
	size_t count = ANSWER_FDS_MAX;

	if (what.limit_s == 0)
		what.limit_s = EXEC_LIMIT_S;
	describe(&what, o->audit);
	if (store_find(w->store, c->site, t, err) < 0)
		return change_blame(o, "site");
	if (t->state != TENANT_LIVE)
		return err_set(err, ERR_CONFLICT, "site '%s' is %s; only a live one runs commands",
			       t->site, tenant_state_word(t->state));
	if (work_connect(w, err) < 0 ||
	    link_call_fds(&w->link, WIRE_EXEC, t->number, &what, sizeof(what), o->fds, &count,
			  err) < 0)
		return -1;
	o->fd_count = count;
	if (count == ANSWER_FDS_MAX)
		return 0;
	while (o->fd_count > 0)
		fd_close(&o->fds[--o->fd_count]);
	return err_set(err, ERR_NO_DAEMON, "the supervisor gave %zu descriptors for the command",
		       count);
}
