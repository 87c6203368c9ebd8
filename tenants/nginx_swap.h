/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the staged tree in the place of nginx's files: test, exchange, reload. */
#ifndef TENANTS_NGINX_SWAP_H
#define TENANTS_NGINX_SWAP_H

#include <stdint.h>

#include "base/err.h"
#include "schema/settings.h"

/* The staged tree must bear this revision.  If nginx refuses it or does not
 * take it, the old tree stays or comes back and the staged one is removed.
 * Killed anywhere, it leaves a staged tree: the next builder stages anew. */
int nginx_swap(const struct settings *s, uint32_t revision, struct err *err);

#endif
