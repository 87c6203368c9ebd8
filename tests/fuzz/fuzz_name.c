/* SPDX-License-Identifier: Apache-2.0 */
/* Host names of the wire: what is accepted can stand in a path and in nginx's configuration. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "schema/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char host[1024];
	struct err err = { 0 };

	if (size >= sizeof(host))
		return 0;
	memcpy(host, data, size);
	host[size] = '\0';
	if (name_check(host, &err) < 0) {
		assert(err.code != 0 && err.text[0]);
		return 0;
	}
	assert(strlen(host) <= 253 && strchr(host, '.') && !strstr(host, ".."));
	assert(strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(host));
	assert(host[0] != '.' && host[0] != '-');
	return 0;
}
