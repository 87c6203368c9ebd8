/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facets: the things that must exist for a tenant.  One constant table; walked
 * forward it makes a tenant, backward it takes one away, and `check` tells
 * whether a part stands as it should.  Each part may be made again at any time
 * and be killed anywhere: the next run finishes or undoes it.
 */
#ifndef TENANTS_FACETS_FACET_H
#define TENANTS_FACETS_FACET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sandbox/spec.h"
#include "schema/settings.h"
#include "schema/wire.h"
#include "tenants/ledger.h"

/* One walk for one tenant. */
struct facet_run {
	const struct settings *settings;
	const struct wire_tenant *tenant;
	const struct ledger *ledger;
	uint32_t number;
	uid_t uid;			/* uid_base + number; also the gid */
	bool is_new;			/* was never built: an error takes back what was made */
	bool is_retreat;		/* undo after such an error, not a removal */
	bool is_home_made;		/* by this run */
	bool owns_site;			/* removal: the site's name is still this number's */
	bool is_home_kept;		/* removal: the home lies aside */
	uint32_t base_revision;		/* staged by the runs before, to be added to; 0: none */
	uint32_t nginx_revision;	/* staged by this run; 0: nothing changed */
};

struct facet {
	const char *name;
	int (*make)(struct facet_run *run, struct err *err);
	int (*undo)(struct facet_run *run, struct err *err);
	int (*check)(const struct facet_run *run, struct err *err);
};

#define FACETS 8
extern const struct facet facets[FACETS];

/* Tells each step as it ends; the code of RESULT is 0 where it went well. */
typedef void facet_report(void *arg, const char *name, uint32_t microseconds,
			  const struct err *result);

/* Makes all facets, checks them, and notes in the ledger that the tenant is
 * built.  If one errs and the tenant is new, what this run made is undone. */
int facets_apply(struct facet_run *run, facet_report *report, void *arg, struct err *err);

/* Undoes all facets, last first, and retires the number. */
int facets_remove(struct facet_run *run, facet_report *report, void *arg, struct err *err);

/* Changes nothing and goes on after a facet that is not right.  Returns how many
 * are not. */
int facets_check(const struct facet_run *run, facet_report *report, void *arg);

/* The functions of the table; each set in the file of its facet. */
int names_make(struct facet_run *run, struct err *err);
int names_undo(struct facet_run *run, struct err *err);
int names_check(const struct facet_run *run, struct err *err);
int home_make(struct facet_run *run, struct err *err);
int home_undo(struct facet_run *run, struct err *err);
int home_check(const struct facet_run *run, struct err *err);
int quota_make(struct facet_run *run, struct err *err);
int quota_undo(struct facet_run *run, struct err *err);
int quota_check(const struct facet_run *run, struct err *err);
bool facet_is_counted(const struct facet_run *run, int dir, const char *name);
int logs_make(struct facet_run *run, struct err *err);
int logs_undo(struct facet_run *run, struct err *err);
int logs_check(const struct facet_run *run, struct err *err);
int mail_make(struct facet_run *run, struct err *err);
int mail_undo(struct facet_run *run, struct err *err);
int mail_check(const struct facet_run *run, struct err *err);
int spec_make(struct facet_run *run, struct err *err);
/* The record that spec_make() would store. */
int spec_fill(const struct facet_run *run, struct jail_spec *out, struct err *err);
int spec_undo(struct facet_run *run, struct err *err);
/* What must be refused before anything is made: a move to a PHP or to extensions that this
 * machine lacks, a script to preload that is not in the home.  ERR_BAD_OPTION. */
int spec_check_move(const struct facet_run *run, struct err *err);
int spec_facet_check(const struct facet_run *run, struct err *err);
int uploads_make(struct facet_run *run, struct err *err);
int uploads_undo(struct facet_run *run, struct err *err);
int uploads_check(const struct facet_run *run, struct err *err);
int vhost_make(struct facet_run *run, struct err *err);
int vhost_undo(struct facet_run *run, struct err *err);
int vhost_check(const struct facet_run *run, struct err *err);

#endif
