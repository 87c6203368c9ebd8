/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a tenant from a hijacked sender.  The input changes bytes of a good one. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "schema/name.h"
#include "schema/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three bytes of input: where (two) and what. */
static void change(struct wire_tenant *t, const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		((uint8_t *)t)[((size_t)data[0] << 8 | data[1]) % sizeof(*t)] = data[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_tenant t;
	struct err err = { 0 };

	memset(&t, 0, sizeof(t));
	(void)str_copy(t.site, sizeof(t.site), "site.example");
	(void)str_copy(t.alias[0], SITE_MAX, "www.site.example");
	t.alias_count = 1;
	options_default(&t.options);
	change(&t, data, size);
	if (wire_tenant_check(&t, &err) < 0)
		return 0;
	assert(t.alias_count <= ALIASES_MAX);
	assert(name_check(t.site, &err) == 0);
	for (uint32_t i = 0; i < t.alias_count; i++)
		assert(name_check(t.alias[i], &err) == 0 && strcmp(t.alias[i], t.site) != 0);
	assert(str_is_terminated(t.reason, sizeof(t.reason)));
	assert(options_check(&t.options, &err) == 0);
	return 0;
}
