/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool that was taken over says of itself: any bytes of any size, as often as it likes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/supervisor/report.h"
#include "schema/promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message(const uint8_t *data, size_t size, uint32_t max_children)
{
	struct pool_report r;
	struct err err = { 0 };
	/* A copy of just this size, so that the sanitizer sees one byte too many. */
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return;
	memcpy(copy, data, size);
	if (report_check(copy, size, max_children, &r, &err) < 0) {
		assert(err.code != 0 && err.text[0]);
	} else {
		assert(size == sizeof(r) && memchr(r.text, '\0', sizeof(r.text)));
		assert(r.kind >= POOL_REPORT_READY && r.kind <= POOL_REPORT_NUMBERS);
		assert(r.workers >= -1 && r.workers <= (int64_t)max_children);
		assert(r.active >= -1 && r.active <= (int64_t)max_children);
		for (const char *at = r.text; *at; at++)
			assert(*at >= 0x20 && *at <= 0x7e && *at != '\'');
	}
	free(copy);
}

/* And what tenant-probe says, which stands in a tenant's cage. */
static void outcome(const uint8_t *data, size_t size)
{
	struct wire_promise r = { .outcome = PROMISE_HELD };

	memcpy(&r, data, size < sizeof(r) ? size : sizeof(r));
	r.row %= (uint32_t)promise_row_count + 2;
	r.outcome %= PROMISE_SKIPPED + 2u;
	if (!promise_check(&r))
		return;
	assert(promise_rows[r.row].probe && promise_outcome_word(r.outcome));
	assert(memchr(r.text, '\0', sizeof(r.text)));
	for (const char *at = r.text; *at; at++)
		assert(*at >= 0x20 && *at <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_gate gate = { 0 };
	int64_t at = 1, passed = 0;

	if (size < 2)
		return 0;
	message(data + 2, size - 2, (uint32_t)data[0] + 1);
	outcome(data, size);
	/* A valid size is seldom met by chance: the bytes lie over a good message, too. */
	struct pool_report good = { .kind = POOL_REPORT_READY };

	memcpy(&good, data + 2, size - 2 < sizeof(good) ? size - 2 : sizeof(good));
	good.kind = data[1] % 6u;
	message((const uint8_t *)&good, sizeof(good), (uint32_t)data[0] + 1);
	/* Each byte is a time that passes before the next message. */
	for (size_t i = 0; i < size; i++) {
		at += data[i];
		passed += report_gate_pass(&gate, at) == 0;
		assert(gate.used >= 0);
	}
	assert(passed <= REPORT_BURST + 1 + at * REPORT_PER_S / 1000);
	return 0;
}
