/* SPDX-License-Identifier: Apache-2.0 */
/* Names and comparison of plans. */
#include "tenants/plan.h"

#include <string.h>

#include "schema/errors.h"

int plan_check_name(const char *name, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = strlen(name);

	if (n == 0 || n >= PLAN_NAME_MAX || strspn(name, letters) != n || *name == '-' ||
	    *name == '_')
		return err_set(err, ERR_BAD_NAME,
			       "plan name '%.80s' is not one of 1 to %d lower-case letters, "
			       "digits, '-' and '_' that begins with a letter or digit", name,
			       PLAN_NAME_MAX - 1);
	return 0;
}

bool plan_wants_same(const struct plan *a, const struct plan *b)
{
	return strcmp(a->parent, b->parent) == 0 && strcmp(a->sentence, b->sentence) == 0 &&
	       overrides_equal(&a->own, &b->own);
}
