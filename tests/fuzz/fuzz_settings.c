/* SPDX-License-Identifier: Apache-2.0 */
/* The text of tenantd.conf.  What is accepted is a record that every reader accepts. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tenants/settings_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Users and groups are numbers here, so that no name service is asked. */
static const char *const numbers[] = {
	"control_user = 990\n", "log_user = 991\n", "admin_group = 992\n", "web_group = 33\n",
	"log_group = 4\n", "mail_user = 993\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings_text t;
	struct settings s = { 0 };
	struct err err = { 0 };
	char text[8192];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	settings_text_default(&t);
	if (settings_text_read(&t, "fuzz.conf", text, &err) < 0) {
		assert(err.text[0]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (settings_text_read(&t, "numbers.conf", numbers[i], &err) < 0)
			return 0;
	if (settings_text_finish(&t, &s, &err) == 0)
		assert(settings_check(&s, &err) == 0);
	return 0;
}
