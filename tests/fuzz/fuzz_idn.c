/* SPDX-License-Identifier: Apache-2.0 */
/* Names as people type them: what is accepted is a name of the wire, and its shown form is
 * taken back as the same name. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "schema/name.h"
#include "tenants/idn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char typed[1024];
	char site[SITE_MAX];
	char again[SITE_MAX];
	char shown[IDN_TEXT_MAX];
	struct err err = { 0 };

	if (size >= sizeof(typed))
		return 0;
	memcpy(typed, data, size);
	typed[size] = '\0';
	if (idn_to_ascii(typed, site, &err) < 0)
		return 0;
	assert(name_check(site, &err) == 0);
	idn_to_unicode(site, shown);
	assert(idn_to_ascii(shown, again, &err) == 0 && strcmp(site, again) == 0);
	return 0;
}
