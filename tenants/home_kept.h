/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes of removed sites.  A removed home is renamed to HOME_DIR/.removed/N,
 * which root alone can enter, and deleted some days later; until then it can be
 * given to a new number of the same site.  HOMES is home_dir's descriptor.
 */
#ifndef TENANTS_HOME_KEPT_H
#define TENANTS_HOME_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/settings.h"
#include "schema/wire.h"
#include "tenants/ledger.h"

bool home_kept_is_there(int homes, uint32_t number);

/* Moves the site's home aside, or back.  Nothing to move is success. */
int home_kept_aside(int homes, uint32_t number, const char *site, struct err *err);
int home_kept_return(int homes, uint32_t number, const char *site, struct err *err);

/* Gives the home of the retired number t->restore_number to NUMBER, which must
 * be issued for the same site and have no home yet.  Every file of the old
 * owner becomes the new one's.  ERR_UNKNOWN_SITE if no home is kept. */
int home_kept_restore(const struct settings *s, const struct ledger *l, uint32_t number,
		      const struct wire_tenant *t, struct err *err);

/* Deletes the homes whose days are over at NOW (seconds since 1970). */
int home_kept_purge(const struct settings *s, const struct ledger *l, int64_t now,
		    struct err *err);

#endif
