/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of host names, a file each, and which of them count. */
#include "tenants/ledger_names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mutant.h"
#include "schema/errors.h"
#include "tenants/ledger_files.h"

static bool has_name(const struct ledger_record *r, const char *host)
{
	if (strcmp(r->site, host) == 0)
		return true;
	for (uint32_t i = 0; i < r->alias_count; i++)
		if (strcmp(r->alias[i], host) == 0)
			return true;
	return false;
}

/* The number in the claim, 0 if there is none. */
static int read_claim(const struct ledger *l, const char *host, uint32_t *out, struct err *err)
{
	struct ledger_host claim = { 0 };

	*out = 0;
	if (faccessat(l->hosts, host, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (file_read_record(l->hosts, host, &claim, sizeof(claim), err) < 0)
		return err_wrap(err, "claim of a host name");
	if (claim.magic != LEDGER_MAGIC || claim.number == 0)
		return ledger_files_damaged(host, err);
	*out = claim.number;
	return 0;
}

int ledger_names_find(const struct ledger *l, const char *host, uint32_t *out,
		      struct ledger_record *out_record, struct err *err)
{
	uint32_t number = 0;

	*out = 0;
	if (read_claim(l, host, &number, err) < 0)
		return -1;
	if (number == 0)
		return 0;
	int there = ledger_files_head(l, number, out_record, err);

	if (there < 0)
		return -1;
	if (there == 0 || out_record->state == LEDGER_REMOVED)
		return 0;		/* left by a killed run */
	if (ledger_load(l, number, out_record, err) < 0)
		return -1;
	if (has_name(out_record, host))
		*out = number;
	return 0;
}

int ledger_holder(const struct ledger *l, const char *host, uint32_t *out, struct err *err)
{
	struct ledger_record r;

	return ledger_names_find(l, host, out, &r, err);
}

static int check_name(const struct ledger *l, uint32_t number, const char *host, bool is_site,
		      struct err *err)
{
	struct ledger_record r;
	uint32_t holder = 0;

	if (ledger_names_find(l, host, &holder, &r, err) < 0)
		return -1;
	if (holder == 0 || holder == number || mutant_is_off("name-owner"))
		return 0;
	if (is_site && strcmp(r.site, host) == 0)
		return err_set(err, ERR_CONFLICT, "site '%s' exists already", host);
	return err_set(err, ERR_CONFLICT, "host name '%s' belongs to site '%s'", host, r.site);
}

int ledger_check_names(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		       struct err *err)
{
	if (check_name(l, number, t->site, true, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (check_name(l, number, t->alias[i], false, err) < 0)
			return -1;
	return 0;
}

/* Puts a claim in place, whole or not at all: linkat() refuses to replace. */
static int add_claim(const struct ledger *l, uint32_t number, const char *host, struct err *err)
{
	static const char temporary[] = ".new";
	struct ledger_host claim = { LEDGER_MAGIC, number };
	uint32_t before = 0;

	if (read_claim(l, host, &before, err) < 0)
		return -1;
	if (before == number)
		return 0;
	/* The caller has found that a claim which is there counts for nobody. */
	if (unlinkat(l->hosts, host, 0) < 0 && errno != ENOENT)
		return err_sys(err, "clear the claim of '%s'", host);
	if (file_write(l->hosts, temporary, &claim, sizeof(claim), 0600, 0, 0, err) < 0)
		return err_wrap(err, "claim '%s'", host);
	if (linkat(l->hosts, temporary, l->hosts, host, 0) < 0)
		return err_sys(err, "claim '%s'", host);
	return file_remove(l->hosts, temporary, err);
}

int ledger_names_add(const struct ledger *l, uint32_t number, const struct wire_tenant *t,
		     struct err *err)
{
	if (add_claim(l, number, t->site, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->alias_count; i++)
		if (add_claim(l, number, t->alias[i], err) < 0)
			return -1;
	return 0;
}

int ledger_names_drop(const struct ledger *l, uint32_t number, const char *host, struct err *err)
{
	uint32_t holder = 0;

	if (read_claim(l, host, &holder, err) < 0)
		return -1;
	return holder == number ? file_remove(l->hosts, host, err) : 0;
}
