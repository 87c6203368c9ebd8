/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share with each other and with nobody else. */
#ifndef TENANTS_STORE_HANDLE_H
#define TENANTS_STORE_HANDLE_H

#include <sqlite3.h>

#include "tenants/tenant.h"

struct store {
	sqlite3 *db;
};

/* Append what SQL selects; its parameters are number and kind, or the text KEY
 * where that is not NULL. */
int store_load_aliases(struct store *s, struct tenant *t, const char *sql, int64_t number,
		       int64_t kind, struct err *err);
int store_load_options(struct store *s, struct overrides *o, const char *sql, const char *key,
		       int64_t number, int64_t kind, struct err *err);

#endif
