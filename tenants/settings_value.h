/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of tenantd.conf: which texts a row accepts and what they mean. */
#ifndef TENANTS_SETTINGS_VALUE_H
#define TENANTS_SETTINGS_VALUE_H

#include "base/err.h"
#include "schema/settings.h"

/* Checks the form of a value.  WHERE begins the message.  ERR_BAD_CONFIG. */
int setting_value_check(const struct setting_row *row, const char *value, const char *where,
			struct err *err);

/* Checks it and writes it as the row's field of struct settings: a text, or a
 * uint64_t in the first bytes.  Looks users and groups up. */
int setting_value_parse(const struct setting_row *row, const char *value, const char *where,
			char field[SETTING_TEXT_MAX], struct err *err);

/* Checks what rows say of each other: room for socket paths, uid ranges. */
int setting_values_fit(const struct settings *s, struct err *err);

#endif
