/* SPDX-License-Identifier: Apache-2.0 */
/* FastCGI parameters of a peer: cut anywhere, the same bytes give the same table. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pool/pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct params whole = { 0 };
	struct params parts = { 0 };
	struct pairs a = { 0 };
	struct pairs b = { 0 };
	int status = 0;

	if (size == 0)
		return 0;
	/* The first byte says how long the pieces are. */
	size_t piece = (size_t)data[0] % 16 + 1;
	data++;
	size--;
	const int at_once = pairs_feed(&a, &whole, data, size);
	for (size_t at = 0; status == 0 && at < size; at += piece)
		status = pairs_feed(&b, &parts, data + at, size - at < piece ? size - at : piece);
	assert(status == at_once);
	if (status == 0) {
		assert(pairs_are_whole(&a) == pairs_are_whole(&b));
		assert(whole.count == parts.count && whole.bytes == parts.bytes);
		for (uint32_t i = 0; i < whole.count; i++) {
			const char *value = params_get(&parts, whole.row[i].name);
			if (whole.row[i].value)
				assert(value && strcmp(value, whole.row[i].value) == 0);
		}
	}
	params_free(&whole);
	params_free(&parts);
	return 0;
}
