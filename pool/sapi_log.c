/* SPDX-License-Identifier: Apache-2.0 */
/* PHP's messages: complete to the tenant's log, and to the web server's log
 * through the request's STDERR, joined as PHP-FPM joins them. */
#include "pool/sapi.h"

#include <string.h>

#include "pool/errlog.h"

void sapi_log_client(const char *message)
{
	struct runtime_request *r = sapi_state.request;

	if (!r || !sapi_state.log_to_client || !*message)
		return;
	if (sapi_state.errors_begun)
		answer_error(r->answer, "; ", 2);
	sapi_state.errors_begun = true;
	answer_error(r->answer, message, strlen(message));
}

void sapi_log_message(const char *message, int level)
{
	struct runtime_request *r = sapi_state.request;

	(void)level;
	errlog_write(message);
	if (!sapi_state.pool)
		sapi_start_note(message);
	if (!r || !sapi_state.log_to_client)
		return;
	sapi_log_client("PHP message: ");
	answer_error(r->answer, message, strlen(message));
}
