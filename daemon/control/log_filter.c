/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the two formats of nginx as far as it takes. */
#include "daemon/control/log_filter.h"

#include <string.h>

#include "base/str.h"
#include "schema/wire.h"

static const struct {
	const char *word;
	uint32_t file;
} kinds[LOG_KINDS] = {
	[LOG_KIND_ACCESS] = { "access", WIRE_LOG_ACCESS },
	[LOG_KIND_ERROR] = { "error", WIRE_LOG_NGINX },
	[LOG_KIND_PHP] = { "php", WIRE_LOG_PHP },
	[LOG_KIND_SLOW] = { "slow", WIRE_LOG_SLOW },
	[LOG_KIND_MAIL] = { "mail", WIRE_LOG_MAIL },
};

int log_kind_by_word(const char *word)
{
	for (int i = 0; i < LOG_KINDS; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return i;
	return -1;
}

uint32_t log_kind_file(enum log_kind kind)
{
	return kinds[kind].file;
}

/* The access log begins with nginx's $server_name, a blank behind it. */
static bool is_access(const char *site, const char *line, size_t size)
{
	size_t n = strlen(site);

	return size > n && memcmp(line, site, n) == 0 && line[n] == ' ';
}

/* nginx cuts its lines here (NGX_MAX_ERROR_STR less the line's end). */
#define ERROR_CUT 2047

/* In the error log the name stands behind "server: ", with visitors' text on
 * both sides.  A line that shows the mark twice may be forged: it is nobody's.
 * So is one that was cut: a long name of a file may have pushed nginx's own mark
 * out and hold another. */
static bool is_error(const char *site, const char *line, size_t size)
{
	static const char mark[] = ", server: ";
	size_t m = sizeof(mark) - 1;
	size_t n = strlen(site);
	const char *at = memmem(line, size, mark, m);

	if (!at || size >= ERROR_CUT)
		return false;
	size_t left = size - (size_t)(at + m - line);

	return left > n && memcmp(at + m, site, n) == 0 && at[m + n] == ',' &&
	       !memmem(at + m, left, mark, m);
}

bool log_filter_takes(enum log_kind kind, const char *site, const char *line, size_t size)
{
	switch (kind) {
	case LOG_KIND_ACCESS:
		return is_access(site, line, size);
	case LOG_KIND_ERROR:
		return is_error(site, line, size);
	case LOG_KIND_PHP:
	case LOG_KIND_SLOW:
	case LOG_KIND_MAIL:
		return true;
	case LOG_KINDS:
		break;
	}
	return false;
}
