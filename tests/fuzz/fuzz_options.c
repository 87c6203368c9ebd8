/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options as people type them: NAME=VALUE.  What is accepted is in range and survives
 * being printed and read again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "schema/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512];
	char shown[OPTION_FORMAT_MAX];
	struct err err = { 0 };
	struct options o;
	struct options again;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	char *value = strchr(text, '=');
	if (!value)
		return 0;
	*value++ = '\0';
	const struct option_row *row = option_by_name(text);
	if (!row)
		return 0;
	memset(&o, 0, sizeof(o));
	memset(&again, 0, sizeof(again));
	options_default(&o);
	options_default(&again);
	if (options_set(&o, text, value, &err) < 0) {
		/* On failure outputs are untouched. */
		assert(options_difference(&o, &again) == 0);
		return 0;
	}
	/* In range by itself; rules tell what else has to hold. */
	assert(options_check(&o, &err) == 0 || options_check_rules(&o, &err) < 0);
	options_format(&o, row, shown);
	assert(options_parse(&again, row, shown, &err) == 0);
	assert(options_difference(&o, &again) == 0);
	return 0;
}
