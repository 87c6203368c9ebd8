/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names as people type them: upper case, umlauts.  Inside the system a
 * name is always its lower-case A-label form (schema/name.h).
 */
#ifndef TENANTS_IDN_H
#define TENANTS_IDN_H

#include "base/err.h"
#include "schema/wire.h"

#define IDN_TEXT_MAX 1024	/* room of a name in Unicode, as UTF-8 with its end */

/* Folds case, turns U-labels into A-labels (UTS 46, non-transitional) and
 * checks the result.  A typed A-label must be one that its own Unicode form
 * gives.  ERR_BAD_NAME. */
int idn_to_ascii(const char *typed, char out[SITE_MAX], struct err *err);

/* The form for people.  A name that has none stands as it is. */
void idn_to_unicode(const char *site, char out[IDN_TEXT_MAX]);

#endif
