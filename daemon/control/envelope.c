/* SPDX-License-Identifier: Apache-2.0 */
/* Building replies. */
#include "daemon/control/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "build_config.h"
#include "base/str.h"
#include "schema/errors.h"

json_t *envelope_text(const char *s)
{
	char copy[ERR_TEXT_MAX];
	json_t *text = json_string(s);
	size_t n = 0;

	if (text)
		return text;
	for (; s[n] && n < sizeof(copy) - 1; n++)
		copy[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
	copy[n] = '\0';
	return json_string(copy);
}

/* A reply must go out even when memory is short: the last resort is static text. */
static void finish(struct answer *out, int http_status, json_t *root)
{
	char *body = root ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	if (!body) {
		http_status = error_row(ERR_SYSTEM)->http_status;
		body = strdup("{\"metadata\":{\"command\":\"\",\"result\":\"failed\","
			      "\"reason\":\"no memory for the reply\",\"version\":\"\"},"
			      "\"data\":{\"code\":\"system\",\"field\":\"\","
			      "\"sentence\":\"no memory for the reply\"}}");
	}
	out->http_status = http_status;
	out->body = body;
}

static json_t *wrap(const char *command, const char *result, const char *reason, json_t *data)
{
	return json_pack("{s:{s:s,s:s,s:o,s:s},s:o}", "metadata", "command", command, "result",
			 result, "reason", envelope_text(reason), "version", TENANTD_VERSION,
			 "data", data);
}

void envelope_done(struct answer *out, const char *command, const char *result,
		   const char *reason, json_t *data)
{
	finish(out, 200, wrap(command, result, reason, data));
}

void envelope_failed(struct answer *out, const char *command, const struct err *why,
		     const char *field)
{
	const struct error_row *row = error_row(why->code);
	json_t *data = json_pack("{s:s,s:o,s:o}", "code", row->name, "field",
				 envelope_text(field), "sentence", envelope_text(why->text));

	finish(out, row->http_status, wrap(command, "failed", why->text, data));
}
