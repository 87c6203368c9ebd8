/* SPDX-License-Identifier: Apache-2.0 */
/* What options say about one another. */
#include "schema/options.h"

#include <string.h>

#include "base/str.h"
#include "schema/access_format.h"
#include "schema/errors.h"

enum rule_when { ALWAYS, IF_DYNAMIC };

/* LOW plus MARGIN may be at most HIGH.  A LOW of 0 that means "worked out" is
 * exempt, as the rules about it hold then anyway. */
static const struct rule {
	enum rule_when when;
	enum option_id low;
	enum option_id high;
	uint64_t margin;
} rules[] = {
	{ IF_DYNAMIC, OPT_min_spare_servers, OPT_max_spare_servers, 0 },
	{ IF_DYNAMIC, OPT_max_spare_servers, OPT_max_children, 0 },
	{ IF_DYNAMIC, OPT_min_spare_servers, OPT_start_servers, 0 },
	{ IF_DYNAMIC, OPT_start_servers, OPT_max_spare_servers, 0 },
	/* The pool's master holds a descriptor for each worker. */
	{ ALWAYS, OPT_max_children, OPT_open_files, 32 },
};

static uint64_t value_of(const struct options *o, enum option_id id)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)o + option_rows[id].offset, sizeof(value));
	return value;
}

static int check_format(const char *format, struct err *err)
{
	const char *at = format;
	struct access_part part;
	int rc = 0;

	while ((rc = access_format_next(&at, &part)) > 0)
		;
	if (rc < 0)
		return err_set(err, ERR_BAD_OPTION,
			       "option 'access_format': '%.40s' does not begin with one of "
			       "PHP-FPM's letters: %%C %%d %%{NAME}e %%f %%l %%m %%M %%n "
			       "%%{Name}o %%p %%P %%q %%Q %%r %%R %%s %%t %%T %%u %%%%", at);
	return 0;
}

int options_check_rules(const struct options *o, struct err *err)
{
	if (check_format(o->access_format, err) < 0)
		return -1;
	/* nginx takes an address once. */
	if (o->ping_path[0] && strcmp(o->ping_path, o->status_path) == 0)
		return err_set(err, ERR_BAD_OPTION, "option 'ping_path': '%s' is status_path, too; "
			       "choose another", o->ping_path);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		uint64_t low = value_of(o, r->low);
		uint64_t high = value_of(o, r->high);

		if (r->when == IF_DYNAMIC && o->pm != PM_DYNAMIC)
			continue;
		if ((r->low == OPT_start_servers && low == 0) ||
		    (r->high == OPT_start_servers && high == 0))
			continue;
		if (low + r->margin <= high)
			continue;
		return err_set(err, ERR_BAD_OPTION,
			       "option '%s': '%llu' must be at least %llu, which is option "
			       "'%s'%s%s", option_rows[r->high].name, (unsigned long long)high,
			       (unsigned long long)(low + r->margin), option_rows[r->low].name,
			       r->margin ? " and some more" : "",
			       r->when == IF_DYNAMIC ? " (with pm=dynamic)" : "");
	}
	return 0;
}
