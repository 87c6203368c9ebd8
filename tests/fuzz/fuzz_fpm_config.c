/* SPDX-License-Identifier: Apache-2.0 */
/* Files of PHP-FPM, line by line.  What is said to map is taken by its option; what is not has a
 * reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "admin-cli/fpm_map.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void map(const struct fpm_line *line, const char *pool)
{
	struct fpm_mapped m;
	struct options o;
	struct err err = { 0 };

	fpm_map(line, pool, &m);
	assert(str_is_terminated(m.option, sizeof(m.option)));
	assert(str_is_terminated(m.value, sizeof(m.value)));
	assert((m.option[0] == '\0') == (m.why[0] != '\0'));
	if (m.option[0] == '\0')
		return;
	options_default(&o);
	assert(options_set(&o, m.option, m.value, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char pool[OPTION_NAME_MAX] = "www";
	struct err err = { 0 };

	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t n = end ? (size_t)(end - (text + at)) : size - at;
		struct fpm_line line;

		if (fpm_line_parse(text + at, n, &line, &err) == 0) {
			assert(str_is_terminated(line.name, sizeof(line.name)));
			assert(str_is_terminated(line.key, sizeof(line.key)));
			assert(str_is_terminated(line.value, sizeof(line.value)));
			assert((line.kind == FPM_BLANK) == (line.name[0] == '\0'));
			if (line.kind == FPM_SECTION)
				memcpy(pool, line.name, sizeof(pool));
			else if (line.kind == FPM_ENTRY)
				map(&line, pool);
		}
		at += n + 1;
	}
	return 0;
}
