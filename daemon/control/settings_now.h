/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings that hold now.  No signal and no message tells tenant-control of a
 * reload: with each request it looks at the record that tenant-build wrote.
 */
#ifndef DAEMON_CONTROL_SETTINGS_NOW_H
#define DAEMON_CONTROL_SETTINGS_NOW_H

#include <pthread.h>

#include "schema/settings.h"

struct settings_now {
	pthread_mutex_t lock;	/* over what follows: one answer for all threads */
	struct settings settings;
};

/* Reads the record in RUN_DIR for the first time. */
int settings_now_init(struct settings_now *n, const char *run_dir, struct err *err);

/* Fills *out.  What the supervisor refuses, or cannot be read, changes nothing. */
void settings_now_get(struct settings_now *n, struct settings *out);

#endif
