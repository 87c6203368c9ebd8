/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a client can send to a pool, on a real socket: requests with their bodies until
 * the connection is of no more use.  A body ends, and whatever is taken keeps the limits. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pool/front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_params(const struct params *p)
{
	size_t bytes = 0;

	assert(p->count <= PARAMS_COUNT_MAX && p->bytes <= PARAMS_BYTES_MAX);
	for (uint32_t i = 0; i < p->count; i++) {
		assert(strlen(p->row[i].name) == p->row[i].name_size && p->row[i].name_size > 0);
		if (p->row[i].value) {
			assert(params_get(p, p->row[i].name) == p->row[i].value);
			bytes += strlen(p->row[i].value);
		}
	}
	assert(bytes <= PARAMS_BYTES_MAX);
}

/* The first byte says how a body is read: not at all, or in pieces of some size. */
static void read_body(struct front *f, uint8_t how)
{
	static char piece[65536];
	const size_t sizes[] = { 0, 1, 100, 4096, 8192, 20000, sizeof(piece), 7 };
	size_t want = sizes[how & 7];
	size_t sum = 0;

	while (want > 0 && sum < ((size_t)how << 8)) {
		size_t n = front_read(f, piece, want);

		assert(n <= want);
		if (n == 0) {
			assert(f->failed || f->body_ended);
			assert(front_read(f, piece, want) == 0);
			return;
		}
		sum += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct front front;
	struct params params = { 0 };
	int pair[2];
	uint8_t how = 0;

	if (size == 0 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 0;
	how = data[0];
	assert(send(pair[1], data + 1, size - 1, MSG_NOSIGNAL) == (ssize_t)size - 1);
	assert(shutdown(pair[1], SHUT_WR) == 0);
	front_open(&front, pair[0], 4, 1000);
	while (front_next(&front, &params) == FRONT_REQUEST) {
		assert(front.id != 0 && !front.failed);
		check_params(&params);
		read_body(&front, how);
		if (!front_drain(&front, 1000))
			break;
	}
	params_free(&params);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}
