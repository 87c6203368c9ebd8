/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the API, from its first line to what is asked of the changer: the line
 * "METHOD /path?field=value" and behind it the body.  What is refused says why; what is accepted
 * holds names, counts and values that the root side takes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/control/body.h"
#include "daemon/control/route.h"
#include "schema/name.h"

#define LINE_MAX_SIZE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(const struct route *route, const uint8_t *data, size_t size)
{
	static struct change change;
	char field[FIELD_MAX] = "x";
	struct err err = { 0 };
	/* A copy of just this size, so that the sanitizer sees one byte too many. */
	char *text = malloc(size ? size : 1);

	if (!text)
		return;
	memcpy(text, data, size);
	memset(&change, 0, sizeof(change));
	change.command = route->row->id;
	if (body_parse(text, size, &change, field, &err) < 0) {
		assert(err.code != 0 && err.text[0] && str_is_terminated(field, sizeof(field)));
	} else {
		assert(field[0] == '\0' && change.alias_count <= ALIASES_MAX);
		assert(!change.site[0] || name_check(change.site, &err) == 0);
		for (uint32_t i = 0; i < change.alias_count; i++)
			assert(name_check(change.alias[i], &err) == 0);
		for (int i = 0; i < OPTION_IDS; i++)
			assert(str_is_terminated(change.options.of[i].text, OPTION_FORMAT_MAX));
		assert(str_is_terminated(change.reason, sizeof(change.reason)));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct route route;
	char line[LINE_MAX_SIZE];
	char allow[64];
	struct err err = { 0 };
	const uint8_t *end = memchr(data, '\n', size);
	size_t head = end ? (size_t)(end - data) : size;

	if (head >= sizeof(line))
		return 0;
	memcpy(line, data, head);
	line[head] = '\0';
	char *path = strchr(line, ' ');
	if (!path)
		return 0;
	*path++ = '\0';
	char *query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	if (route_find(line, path, &route, allow, &err) < 0) {
		assert(err.code != 0 && err.text[0]);
		return 0;
	}
	assert(str_is_terminated(route.operand, sizeof(route.operand)));
	for (char *rest = query, *at = NULL; (at = strsep(&rest, "&"));) {
		char *value = strchr(at, '=');

		if (value)
			*value++ = '\0';
		if (route_query(&route, at, value, &err) < 0)
			return 0;
	}
	if (route.row->changes)
		body(&route, end ? end + 1 : data + size, end ? size - head - 1 : 0);
	return 0;
}
