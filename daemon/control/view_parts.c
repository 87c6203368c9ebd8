/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON. */
#include "daemon/control/view_parts.h"

#include <time.h>

#include "daemon/control/envelope.h"
#include "schema/reasons.h"
#include "tenants/idn.h"

json_t *view_unicode(const char *site)
{
	char text[IDN_TEXT_MAX];

	idn_to_unicode(site, text);
	return envelope_text(text);
}

json_t *view_time(int64_t at)
{
	time_t seconds = (time_t)at;
	struct tm parts = { 0 };
	char text[40];

	if (at <= 0 || !gmtime_r(&seconds, &parts) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		return json_null();
	return json_string(text);
}

json_t *view_number(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

json_t *view_reason_class(const struct tenant *t)
{
	const struct reason_row *row = t->is_suspended ? reason_row(t->reason_class) : NULL;

	return row ? json_string(row->word) : json_null();
}

json_t *view_reason(const struct tenant *t)
{
	return envelope_text(t->failure[0] ? t->failure : t->reason);
}
