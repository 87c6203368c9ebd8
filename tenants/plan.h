/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: option values under a name.  What it does not set comes from its
 * parent, and from the defaults of options.def in the end.  Pure data.
 */
#ifndef TENANTS_PLAN_H
#define TENANTS_PLAN_H

#include <stdbool.h>

#include "base/err.h"
#include "tenants/tenant.h"

#define PLAN_SENTENCE_MAX 256
#define PLAN_DEPTH_MAX 8	/* a plan and its ancestors */
#define PLANS_MAX 256

struct plan {
	char name[PLAN_NAME_MAX];
	char parent[PLAN_NAME_MAX];	/* empty: none, only of PLAN_DEFAULT */
	char sentence[PLAN_SENTENCE_MAX];
	struct overrides own;
};

/* 1 to 63 lower-case letters, digits, '-' and '_', a letter or digit first.
 * ERR_BAD_NAME. */
int plan_check_name(const char *name, struct err *err);

bool plan_wants_same(const struct plan *a, const struct plan *b);

#endif
