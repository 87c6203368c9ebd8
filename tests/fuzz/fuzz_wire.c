/* SPDX-License-Identifier: Apache-2.0 */
/* A frame of any bytes and size: the head is believed only as far as the bytes go. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct wire_head head;
	struct wire_tenant tenant;
	/* A copy of just this size, so that the sanitizer sees one byte too many. */
	void *frame = malloc(size ? size : 1);

	if (!frame)
		return 0;
	memcpy(frame, data, size);
	if (wire_check(frame, size, &err) == 0) {
		memcpy(&head, frame, sizeof(head));
		assert(size == sizeof(head) + head.size && wire_verb_word(head.verb));
		if (head.size == sizeof(tenant)) {
			memcpy(&tenant, (char *)frame + sizeof(head), sizeof(tenant));
			(void)wire_tenant_check(&tenant, &err);
		}
	}
	free(frame);
	return 0;
}
