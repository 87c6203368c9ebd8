/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and formatting of sizes, times and booleans. */
#include "schema/value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct unit {
	char letter;
	uint64_t factor;
};

/* Largest first, so that formatting takes the shortest exact form. */
static const struct unit size_units[] = {
	{ 'T', UINT64_C(1) << 40 }, { 'G', UINT64_C(1) << 30 },
	{ 'M', UINT64_C(1) << 20 }, { 'K', UINT64_C(1) << 10 },
};
static const struct unit time_units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

static int parse(const char *s, const struct unit *units, size_t count, uint64_t *out)
{
	char digits[24];
	uint64_t factor = 1;
	uint64_t number = 0;
	size_t n = strlen(s);

	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, s, n + 1);
	for (size_t i = 0; i < count; i++)
		if ((s[n - 1] | 0x20) == (units[i].letter | 0x20)) {
			factor = units[i].factor;
			digits[n - 1] = '\0';
			break;
		}
	if (str_number(digits, UINT64_MAX / factor, &number) < 0)
		return -1;
	*out = number * factor;
	return 0;
}

static void format(uint64_t value, const struct unit *units, size_t count, char *out, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (value >= units[i].factor && value % units[i].factor == 0) {
			(void)snprintf(out, size, "%llu%c",
				       (unsigned long long)(value / units[i].factor),
				       units[i].letter);
			return;
		}
	(void)snprintf(out, size, "%llu", (unsigned long long)value);
}

int value_parse_size(const char *s, uint64_t *out)
{
	return parse(s, size_units, ARRAY_SIZE(size_units), out);
}

void value_format_size(uint64_t bytes, char *out, size_t size)
{
	format(bytes, size_units, ARRAY_SIZE(size_units), out, size);
}

int value_parse_seconds(const char *s, uint64_t *out)
{
	return parse(s, time_units, ARRAY_SIZE(time_units), out);
}

void value_format_seconds(uint64_t seconds, char *out, size_t size)
{
	format(seconds, time_units, ARRAY_SIZE(time_units), out, size);
}

int value_parse_bool(const char *s, uint64_t *out)
{
	static const char *const words[2][4] = { { "no", "off", "false", "0" },
						 { "yes", "on", "true", "1" } };

	for (uint64_t v = 0; v < 2; v++)
		for (size_t i = 0; i < 4; i++)
			if (strcasecmp(s, words[v][i]) == 0) {
				*out = v;
				return 0;
			}
	return -1;
}
