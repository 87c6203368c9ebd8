/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of POOL_FD_REPORT. */
#include "pool/report.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"

void report_send(enum pool_report_kind kind, const struct report_numbers *numbers,
		 const char *text)
{
	struct pool_report r = { .kind = kind };

	if (numbers) {
		r.workers = numbers->workers;
		r.active = numbers->active;
		r.requests = numbers->requests;
	}
	(void)snprintf(r.text, sizeof(r.text), "%s", text ? text : "");
	(void)send(POOL_FD_REPORT, &r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void report_ready(const char *text)
{
	struct pool_report r = { .kind = POOL_REPORT_READY };

	(void)snprintf(r.text, sizeof(r.text), "%s", text ? text : "");
	(void)fd_send(POOL_FD_REPORT, &r, sizeof(r), (int[]){ POOL_FD_BOARD }, 1);
}
