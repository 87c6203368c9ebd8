/* SPDX-License-Identifier: Apache-2.0 */
/* From the record to environ. */
#include "pool/environment.h"

#include <stdio.h>
#include <stdlib.h>

#include "schema/option_list.h"

static int set(const char *name, const char *value, struct err *err)
{
	return setenv(name, value, 1) < 0 ? err_sys(err, "set the variable '%s'", name) : 0;
}

int environment_set(const struct pool_spec *spec, struct err *err)
{
	const char *at = spec->options.env;
	char value[OPTION_LIST_MAX];
	char user[16];
	struct option_entry e;

	if (spec->options.clear_env && unsetenv("PATH") < 0)
		return err_sys(err, "clear the environment");
	(void)snprintf(user, sizeof(user), "t%u", spec->number);
	if (set("USER", user, err) < 0 || set("HOME", spec->home, err) < 0)
		return -1;
	while (option_list_next(&at, &e)) {
		(void)snprintf(value, sizeof(value), "%.*s", (int)e.value_size, e.value);
		if (set(e.name, value, err) < 0)
			return -1;
	}
	return 0;
}
