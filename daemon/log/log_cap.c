/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket and a size. */
#include "daemon/log/log_cap.h"

#include "base/mutant.h"

void log_cap_init(struct log_cap *c, int64_t now_ms)
{
	*c = (struct log_cap){ .room = LOG_BURST, .filled_ms = now_ms };
}

static void fill(struct log_cap *c, int64_t now_ms)
{
	int64_t passed = now_ms - c->filled_ms;

	if (passed <= 0)
		return;
	c->filled_ms = now_ms;
	if (passed > 1000 * (LOG_BURST / LOG_RATE))
		c->room = LOG_BURST;
	else
		c->room += passed * LOG_RATE / 1000;
	if (c->room > LOG_BURST)
		c->room = LOG_BURST;
}

size_t log_cap_take(struct log_cap *c, int64_t now_ms, size_t size)
{
	fill(c, now_ms);
	size_t taken = (int64_t)size <= c->room || mutant_is_off("log-rate") ? size :
		       (size_t)c->room;

	c->room -= (int64_t)taken;
	c->dropped += size - taken;
	return taken;
}

bool log_cap_note(struct log_cap *c, int64_t now_ms, uint64_t *dropped)
{
	fill(c, now_ms);
	/* Not for each sip of room: once there is enough to go on with. */
	if (c->dropped == 0 || c->room < LOG_RATE / 2)
		return false;
	*dropped = c->dropped;
	c->dropped = 0;
	return true;
}

enum log_cap_file log_cap_file(struct log_cap *c, int64_t file_size)
{
	if (file_size < LOG_SIZE_MAX || mutant_is_off("log-size")) {
		c->is_full = false;
		return LOG_FILE_WRITE;
	}
	if (c->is_full)
		return LOG_FILE_SILENT;
	c->is_full = true;
	return LOG_FILE_SAY_FULL;
}
