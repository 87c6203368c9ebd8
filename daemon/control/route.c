/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of paths. */
#include "daemon/control/route.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

#define SITE_MARK "{site}"

static const struct {
	int id;
	const char *word;
	const char *path;
} reads[] = {
#define READ(name, word, path, sentence) { ROUTE_##name, word, path },
#include "schema/reads.def"
#undef READ
};

static int hex(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	if (!at)
		return -1;
	return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* Decodes N bytes.  A zero byte would hide what follows it. */
static int decode(const char *s, size_t n, char out[IDN_TEXT_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = i + 2 < n ? hex(s[i + 1]) : -1;
			int low = i + 2 < n ? hex(s[i + 2]) : -1;

			if (high < 0 || low < 0 || (high | low) == 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (used + 1 >= IDN_TEXT_MAX)
			return -1;
		out[used++] = c;
	}
	out[used] = '\0';
	return 0;
}

/* True if PATH is of this pattern; *out_site and *out_size become the encoded
 * site in it. */
static bool matches(const char *pattern, const char *path, const char **out_site,
		    size_t *out_size)
{
	const char *mark = strstr(pattern, SITE_MARK);

	*out_site = "";
	*out_size = 0;
	if (!mark)
		return strcmp(pattern, path) == 0;
	size_t head = (size_t)(mark - pattern);

	if (strncmp(pattern, path, head) != 0)
		return false;
	*out_site = path + head;
	*out_size = strcspn(*out_site, "/");
	return *out_size > 0 && strcmp(*out_site + *out_size, mark + strlen(SITE_MARK)) == 0;
}

static void allow(char out[64], const char *method)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", method);
}

int route_find(const char *method, const char *path, struct route *out, char out_allow[64],
	       struct err *err)
{
	struct route r = { .id = -1 };
	const char *site = "";
	size_t size = 0;

	out_allow[0] = '\0';
	for (int i = 0; i < COMMAND_IDS + (int)ARRAY_SIZE(reads); i++) {
		const struct command_row *row = i < COMMAND_IDS ? &command_rows[i] : NULL;
		const char *want = row ? row->method : "GET";
		const char *at = "";
		size_t n = 0;

		if (!matches(row ? row->path : reads[i - COMMAND_IDS].path, path, &at, &n))
			continue;
		allow(out_allow, want);
		if (strcmp(want, method) != 0)
			continue;
		r.id = row ? (int)row->id : reads[i - COMMAND_IDS].id;
		r.word = row ? row->word : reads[i - COMMAND_IDS].word;
		r.changes = row && row->changes;
		site = at;
		size = n;
	}
	if (!out_allow[0])
		return err_set(err, ERR_NO_ROUTE, "there is no resource '%.120s'", path);
	if (r.id < 0)
		return err_set(err, ERR_BAD_METHOD, "'%.120s' knows the methods %s, not %.16s",
			       path, out_allow, method);
	if (decode(site, size, r.site) < 0)
		return err_set(err, ERR_BAD_NAME, "the site in '%.120s' cannot be read", path);
	*out = r;
	return 0;
}
