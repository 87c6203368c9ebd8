/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the changes share. */
#ifndef DAEMON_CONTROL_CHANGE_PARTS_H
#define DAEMON_CONTROL_CHANGE_PARTS_H

#include "daemon/control/body.h"
#include "daemon/control/work.h"

struct outcome {
	bool is_unchanged;
	char field[FIELD_MAX];		/* what of the request is wrong */
	char note[ERR_TEXT_MAX];	/* for the caller, if the usual sentence is not enough */
};

/* The row of the site, or one whose state is TENANT_NONE. */
int change_find(struct work *w, const char *site, struct tenant *out, struct err *err);

/* Plan, host names and options against the database and the settings. */
int change_check(struct work *w, const struct tenant *t, struct outcome *o, struct err *err);

/* Gets a number for T, inserts it in place of OLD, and builds it. */
int change_make(struct work *w, struct tenant *t, const struct tenant *old, struct err *err);

/* Brings a removed site back, with its home, under a new number. */
int change_restore(struct work *w, const struct change *c, struct tenant *t, struct outcome *o,
		   struct err *err);

#endif
