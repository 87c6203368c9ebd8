/* SPDX-License-Identifier: Apache-2.0 */
/* One record for all threads, and copies of it. */
#include "daemon/control/settings_now.h"

#include "base/str.h"
#include "schema/errors.h"

int settings_now_init(struct settings_now *n, const char *run_dir, struct err *err)
{
	(void)pthread_mutex_init(&n->lock, NULL);	/* cannot fail with defaults */
	if (settings_load(run_dir, &n->settings, err) < 0)
		return -1;
	/* Where the record lies is where the sockets are, whatever it says. */
	if (str_copy(n->settings.run_dir, sizeof(n->settings.run_dir), run_dir) < 0)
		return err_set(err, ERR_BAD_CONFIG, "run_dir '%s' is too long", run_dir);
	return 0;
}

void settings_now_get(struct settings_now *n, struct settings *out)
{
	struct err err = { 0 };

	(void)pthread_mutex_lock(&n->lock);
	/* The supervisor refuses what this refuses, and logs why. */
	(void)settings_refresh(n->settings.run_dir, &n->settings, &err);
	*out = n->settings;
	(void)pthread_mutex_unlock(&n->lock);
}
