/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a number, and the order in which the ledger's files change. */
#include "tenants/ledger.h"

#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "base/str.h"
#include "schema/errors.h"
#include "tenants/ledger_files.h"
#include "tenants/ledger_names.h"

#define UID_LAST UINT64_C(4294967293)	/* -1 and -2 have other meanings */

static void set_aliases(struct ledger_record *r, const struct wire_tenant *t)
{
	memset(r->alias, 0, sizeof(r->alias));
	r->alias_count = t->alias_count;
	for (uint32_t i = 0; i < t->alias_count; i++)
		(void)str_copy(r->alias[i], SITE_MAX, t->alias[i]);	/* same size */
}

static int check_room(const struct ledger *l, uint32_t next, uint64_t tenants_max,
		      uint64_t uid_base, struct err *err)
{
	uint64_t living = 0;
	struct ledger_record r;

	if (uid_base + next > UID_LAST || next > INT32_MAX)
		return err_set(err, ERR_EXHAUSTED,
			       "the user numbers are used up: uid_base %llu and number %u; "
			       "numbers are never reused", (unsigned long long)uid_base, next);
	for (uint32_t n = 1; n < next; n++) {
		int there = ledger_files_head(l, n, &r, err);

		if (there < 0)
			return -1;
		living += there == 1 && r.state != LEDGER_REMOVED;
	}
	if (living >= tenants_max)
		return err_set(err, ERR_EXHAUSTED,
			       "there are %llu sites, all that tenants_max allows; remove one or "
			       "raise tenants_max in tenantd.conf and restart tenantd",
			       (unsigned long long)living);
	return 0;
}

int ledger_issue(const struct ledger *l, const struct wire_tenant *t, uint64_t tenants_max,
		 uint64_t uid_base, uint32_t *out, struct err *err)
{
	struct ledger_record r = { 0 };
	uint32_t number = 0;

	if (ledger_names_find(l, t->site, &number, &r, err) < 0)
		return -1;
	if (number != 0 && strcmp(r.site, t->site) != 0)
		return err_set(err, ERR_CONFLICT, "host name '%s' is an alias of site '%s'",
			       t->site, r.site);
	if (ledger_check_names(l, number, t, err) < 0)
		return -1;
	if (number != 0) {
		*out = number;
		return 0;
	}
	if (ledger_next(l, &number, err) < 0 ||
	    check_room(l, number, tenants_max, uid_base, err) < 0)
		return -1;
	/* From here on the number is spent, whatever happens. */
	if (ledger_files_store_next(l, number + 1, err) < 0)
		return err_wrap(err, "ledger");
	fault_point("build.ledger.next");
	memset(&r, 0, sizeof(r));
	r.number = number;
	r.state = LEDGER_ISSUED;
	r.changed_at = (int64_t)time(NULL);
	(void)str_copy(r.site, sizeof(r.site), t->site);	/* same size */
	set_aliases(&r, t);
	if (ledger_names_add(l, number, t, err) < 0)
		return -1;
	fault_point("build.ledger.claim");
	if (ledger_files_store(l, &r, err) < 0)
		return err_wrap(err, "ledger");
	*out = number;
	return 0;
}

static bool wants_name(const struct wire_tenant *t, const char *host)
{
	if (strcmp(t->site, host) == 0)
		return true;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (strcmp(t->alias[i], host) == 0)
			return true;
	return false;
}

int ledger_claim(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		 struct err *err)
{
	struct ledger_record old;
	struct ledger_record new;

	if (ledger_load(l, number, &old, err) < 0 ||
	    ledger_check_names(l, number, t, err) < 0 ||
	    ledger_names_add(l, number, t, err) < 0)
		return -1;
	fault_point("build.ledger.aliases");
	new = old;
	set_aliases(&new, t);
	if ((new.alias_count != old.alias_count ||
	     memcmp(new.alias, old.alias, sizeof(new.alias)) != 0) &&
	    ledger_files_store(l, &new, err) < 0)
		return err_wrap(err, "ledger");
	fault_point("build.ledger.record");
	for (uint32_t i = 0; i < old.alias_count; i++)
		if (!wants_name(t, old.alias[i]) &&
		    ledger_names_drop(l, number, old.alias[i], err) < 0)
			return -1;
	return 0;
}

int ledger_built(const struct ledger *l, uint32_t number, struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	if (r.state == LEDGER_BUILT)
		return 0;
	r.state = LEDGER_BUILT;
	r.changed_at = (int64_t)time(NULL);
	return ledger_files_store(l, &r, err);
}

int ledger_retire(const struct ledger *l, uint32_t number, bool is_home_kept, struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	if (r.state != LEDGER_REMOVED) {
		r.state = LEDGER_REMOVED;
		r.is_home_kept = is_home_kept;
		r.changed_at = (int64_t)time(NULL);	/* the days of the home count from here */
		if (ledger_files_store(l, &r, err) < 0)
			return err_wrap(err, "ledger");
	}
	fault_point("build.ledger.retired");
	for (uint32_t i = 0; i < r.alias_count; i++)
		if (ledger_names_drop(l, number, r.alias[i], err) < 0)
			return -1;
	return ledger_names_drop(l, number, r.site, err);
}

int ledger_pass_home(const struct ledger *l, uint32_t number, uint32_t heir, bool is_home_kept,
		     struct err *err)
{
	struct ledger_record r;

	if (ledger_load(l, number, &r, err) < 0)
		return -1;
	r.heir = heir;
	r.is_home_kept = is_home_kept;
	return ledger_files_store(l, &r, err);
}
