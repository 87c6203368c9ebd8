/* SPDX-License-Identifier: Apache-2.0 */
/* Facet `names`: the claim of the site's host names in the ledger. */
#include "tenants/facets/facet.h"

#include "schema/errors.h"

int names_make(struct facet_run *run, struct err *err)
{
	return ledger_claim(run->ledger, run->number, run->tenant, err);
}

int names_undo(struct facet_run *run, struct err *err)
{
	struct wire_tenant bare;

	if (!run->is_retreat)
		return ledger_retire(run->ledger, run->number, run->is_home_kept, err);
	/* The number keeps the site's own name, so that a second try gets the
	 * same one; aliases are free for others. */
	bare = *run->tenant;
	bare.alias_count = 0;
	return ledger_claim(run->ledger, run->number, &bare, err);
}

int names_check(const struct facet_run *run, struct err *err)
{
	uint32_t holder = 0;

	for (uint32_t i = 0; i <= run->tenant->alias_count; i++) {
		const char *host = i == 0 ? run->tenant->site : run->tenant->alias[i - 1];

		if (ledger_holder(run->ledger, host, &holder, err) < 0)
			return -1;
		if (holder != run->number)
			return err_set(err, ERR_FAILED, "host name '%s' is not claimed for %u",
				       host, run->number);
	}
	return 0;
}
