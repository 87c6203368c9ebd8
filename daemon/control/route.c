/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of paths. */
#include "daemon/control/route.h"

#include <stdio.h>
#include <string.h>

#include "schema/errors.h"

static int hex(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	if (!at)
		return -1;
	return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* Decodes N bytes.  A zero byte would hide what follows it. */
static int decode(const char *s, size_t n, char *out, size_t room)
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
		if (used + 1 >= room)
			return -1;
		out[used++] = c;
	}
	out[used] = '\0';
	return 0;
}

/* True if PATH is of this pattern; *out_operand and *out_size become what stands,
 * encoded, in the place of {...}. */
static bool matches(const char *pattern, const char *path, const char **out_operand,
		    size_t *out_size)
{
	const char *mark = strchr(pattern, '{');

	*out_operand = "";
	*out_size = 0;
	if (!mark)
		return strcmp(pattern, path) == 0;
	size_t head = (size_t)(mark - pattern);

	if (strncmp(pattern, path, head) != 0)
		return false;
	*out_operand = path + head;
	*out_size = strcspn(*out_operand, "/");
	return *out_size > 0 &&
	       strcmp(*out_operand + *out_size, strchr(mark, '}') + 1) == 0;
}

static void allow(char out[64], const char *method)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", method);
}

int route_find(const char *method, const char *path, struct route *out, char out_allow[64],
	       struct err *err)
{
	struct route r = { .row = NULL };
	const char *operand = "";
	size_t size = 0;

	out_allow[0] = '\0';
	for (int i = 0; i < ROUTE_IDS; i++) {
		const struct command_row *row = &command_rows[i];
		const char *at = "";
		size_t n = 0;

		if (!matches(row->path, path, &at, &n))
			continue;
		allow(out_allow, row->method);
		if (strcmp(row->method, method) != 0)
			continue;
		r.row = row;
		operand = at;
		size = n;
	}
	if (!out_allow[0])
		return err_set(err, ERR_NO_ROUTE, "there is no resource '%.120s'", path);
	if (!r.row)
		return err_set(err, ERR_BAD_METHOD, "'%.120s' knows the methods %s, not %.16s",
			       path, out_allow, method);
	if (decode(operand, size, r.operand, sizeof(r.operand)) < 0)
		return err_set(err, ERR_BAD_NAME, "the name in '%.120s' cannot be read", path);
	*out = r;
	return 0;
}

const char *route_field(const struct route *r)
{
	return !r->operand[0] ? "" : r->row->operand == OPERAND_PLAN ? "name" : "site";
}

int route_query(struct route *r, const char *field, const char *value, struct err *err)
{
	char text[QUERY_VALUE_MAX];

	for (int i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];

		if (flag->place != FLAG_QUERY || !command_takes(r->row, flag) ||
		    strcmp(flag->field, field) != 0)
			continue;
		if (!value || !*value || decode(value, strlen(value), text, sizeof(text)) < 0)
			return err_set(err, ERR_USAGE, "'%s' has no value that can be read", field);
		if (r->query[i][0])
			return err_set(err, ERR_USAGE, "'%s' is given twice", field);
		if (!*flag->value && strcmp(text, "yes") != 0)
			return err_set(err, ERR_USAGE, "'%s' must be 'yes' or left out", field);
		memcpy(r->query[i], text, sizeof(text));
		return 0;
	}
	return err_set(err, ERR_USAGE, "%s takes no '%.40s' behind the '?' of the path",
		       r->row->word, field);
}
