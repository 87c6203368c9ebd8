/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the changes share. */
#ifndef DAEMON_CONTROL_CHANGE_PARTS_H
#define DAEMON_CONTROL_CHANGE_PARTS_H

#include "daemon/control/body.h"
#include "daemon/control/work.h"

struct outcome {
	bool is_unchanged;
	json_t *changes;		/* of a dry run: what would change; owned */
	json_t *data;			/* of the reply, if it is not the site's; owned */
	int fds[ANSWER_FDS_MAX];	/* for the caller of exec; owned */
	size_t fd_count;
	char field[FIELD_MAX];		/* what of the request is wrong */
	char audit[ERR_TEXT_MAX];	/* for the audit, where the verb says too little */
	char note[ERR_TEXT_MAX];	/* for the caller, if the usual sentence is not enough */
};

/* What the change is about: the name of the site or the plan. */
const char *change_target(const struct change *c);

/* Fails with the name of the field that is wrong. */
int change_blame(struct outcome *o, const char *field);

/* The row of the site, or one whose state is TENANT_NONE. */
int change_find(struct work *w, const char *site, struct tenant *out, struct err *err);

/* Plan, host names and options against the database, the settings and the versions of PHP;
 * OLD is the row before, with the state TENANT_NONE for none. */
int change_check(struct work *w, const struct tenant *old, const struct tenant *t,
		 struct outcome *o, struct err *err);

/* Has PHP try T in the site's cage where it differs from OLD in what only PHP can judge.
 * Not where nothing of the site runs: then its next start tells. */
int change_try(struct work *w, const struct tenant *old, const struct tenant *t,
	       struct outcome *o, struct err *err);

/* Gets a number for T, inserts it in place of OLD, and builds it. */
int change_make(struct work *w, struct tenant *t, const struct tenant *old, struct err *err);

/* Notes what would change, for a dry run. */
int change_would(struct work *w, struct outcome *o, const struct tenant *old,
		 const struct tenant *t, struct err *err);

/* The changes.  *T is the site's row in the end; plans leave it alone. */
#define CHANGE(name)                                                                   \
	int change_##name(struct work *w, const struct change *c, struct tenant *t, \
			  struct outcome *o, struct err *err)
CHANGE(add);
CHANGE(set);
CHANGE(aliases);
CHANGE(suspend);
CHANGE(resume);
CHANGE(remove);
CHANGE(restore);
CHANGE(repair);
CHANGE(exec);
CHANGE(plan_add);
CHANGE(plan_set);
CHANGE(plan_remove);
#undef CHANGE

#endif
