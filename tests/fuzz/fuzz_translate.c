/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of any kind, to the script that they mean: lines NAME=VALUE.  Which paths exist
 * depends on the path alone.  Whatever comes out has no `..`, and lies in the table. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pool/translate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool exists(const char *path, bool must_be_file)
{
	size_t size = strlen(path);

	if (size >= 4 && strcmp(path + size - 4, ".php") == 0)
		return true;
	return !must_be_file && size > 0 && path[size - 1] == 'd';
}

static void fill(struct params *p, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, '=');

		if (!value || value == line)
			continue;
		*value++ = '\0';
		(void)params_set(p, line, value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096];
	struct params params = { 0 };

	if (size == 0 || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	fill(&params, text);
	const struct translate_rules rules = { data[0] & 1, data[0] & 2, exists, data[0] & 4 };
	const struct translation t = translate(&params, &rules);

	if (t.script) {
		assert(translate_is_plain(t.script));
		assert(!t.is_missing);
	}
	if (t.uri)
		assert(strlen(t.uri) < PARAMS_BYTES_MAX);
	for (uint32_t i = 0; i < params.count; i++)
		if (params.row[i].value)
			assert(params_get(&params, params.row[i].name) == params.row[i].value);
	params_free(&params);
	return 0;
}
