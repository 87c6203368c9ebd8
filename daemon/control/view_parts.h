/* SPDX-License-Identifier: Apache-2.0 */
/* Values that several views have in common. */
#ifndef DAEMON_CONTROL_VIEW_PARTS_H
#define DAEMON_CONTROL_VIEW_PARTS_H

#include <jansson.h>
#include <stdint.h>

#include "tenants/tenant.h"

/* A host name as people write it. */
json_t *view_unicode(const char *site);

/* "2025-01-31T12:00:00Z"; null for what has not been. */
json_t *view_time(int64_t at);

/* A count of the kernel; its "no limit" has no number: null. */
json_t *view_number(uint64_t value);

/* The class of a suspension, or null. */
json_t *view_reason_class(const struct tenant *t);

/* What the state asks for: why it failed, or why it is suspended. */
json_t *view_reason(const struct tenant *t);

#endif
