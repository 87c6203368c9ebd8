/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on between requests: reconciling, the link, what is due daily. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/control/changer_inside.h"
#include "schema/events.h"

#define RETRY_MAX_MS 10000
#define PASS_MAX_MS 600000
#define DAY_MS (24 * 3600 * 1000)

void changer_publish(struct changer *c, bool with_strangers)
{
	struct stranger *copy = NULL;
	size_t size = c->pass.stranger_count * sizeof(*copy);

	if (with_strangers && size) {
		copy = malloc(size);
		if (copy)
			memcpy(copy, c->pass.strangers, size);
	}
	(void)pthread_mutex_lock(&c->lock);
	c->report.is_connected = link_is_open(&c->work.link);
	c->report.is_reconciled = c->report.is_connected && !c->work.is_left && !c->is_passing;
	if (with_strangers) {
		free(c->strangers);
		c->strangers = copy;
		c->report.stranger_count = copy ? c->pass.stranger_count : 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static void end_pass(struct changer *c, bool is_broken, const struct err *err)
{
	c->is_passing = false;
	c->work.is_left = c->work.is_left || is_broken;
	if (is_broken)
		log_event(DAEMON_ERROR, "what=reconcile reason='%s'", err->text);
	if (c->work.is_left) {
		c->pass_at = loop_now_ms() + c->pass_wait;
		c->pass_wait = c->pass_wait * 2 > PASS_MAX_MS ? PASS_MAX_MS : c->pass_wait * 2;
	} else {
		c->pass_wait = CHANGER_PASS_MIN_MS;
	}
	changer_publish(c, false);
}

static void begin_pass(struct changer *c)
{
	struct err err = { 0 };

	c->work.is_left = false;
	if (reconcile_plan(&c->pass, &c->work, &err) < 0) {
		end_pass(c, true, &err);
		return;
	}
	for (uint32_t i = 0; i < c->pass.stranger_count; i++)
		log_event(DAEMON_ERROR, "what=unknown_to_database number=%u tenant=%s",
			  c->pass.strangers[i].number, c->pass.strangers[i].site);
	c->is_passing = true;
	changer_publish(c, true);
}

static void step_pass(struct changer *c)
{
	struct err err = { 0 };
	int rc = reconcile_step(&c->pass, &c->work, &err);

	if (rc <= 0)
		end_pass(c, rc < 0, &err);
}

static void try_connect(struct changer *c)
{
	struct err err = { 0 };

	if (work_connect(&c->work, &err) == 0) {
		c->connect_wait = CHANGER_RETRY_MIN_MS;
		changer_publish(c, false);
		return;
	}
	if (c->connect_wait == CHANGER_RETRY_MIN_MS)	/* once, not with every try */
		log_event(DAEMON_ERROR, "what=supervisor reason='%s'", err.text);
	c->connect_at = loop_now_ms() + c->connect_wait;
	c->connect_wait = c->connect_wait * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : c->connect_wait * 2;
	changer_publish(c, false);
}

static void do_daily(struct changer *c)
{
	struct err err = { 0 };

	c->daily_at = loop_now_ms() + DAY_MS;
	settings_now_get(c->settings_now, &c->settings);
	if (link_call(&c->work.link, WIRE_PURGE, 0, NULL, 0, NULL, NULL, &err) < 0)
		log_event(JOB_FAILED, "what=purge reason='%s'", err.text);
	if (store_audit_trim(c->work.store, c->work.settings->audit_rows, &err) < 0)
		log_event(JOB_FAILED, "what=audit_trim reason='%s'", err.text);
}

void changer_sleep_until_due(struct changer *c)
{
	bool is_open = link_is_open(&c->work.link);
	struct pollfd p[2] = { { .fd = c->wake, .events = POLLIN },
			       { .fd = c->work.link.fd, .events = POLLIN } };
	int64_t due = is_open ? c->daily_at : c->connect_at;
	uint64_t count = 0;

	if (is_open && c->work.is_left && c->pass_at < due)
		due = c->pass_at;
	int64_t wait = due - loop_now_ms();

	if (poll(p, is_open ? 2 : 1, wait < 0 ? 0 : wait > DAY_MS ? DAY_MS : (int)wait) <= 0)
		return;
	if (p[0].revents && read(c->wake, &count, sizeof(count)) < 0)
		return;		/* another wake-up of the same kind took it */
	/* Nobody has asked anything: whatever comes now is the end, or nonsense. */
	if (is_open && p[1].revents) {
		link_close(&c->work.link);
		c->is_passing = false;
		c->connect_at = loop_now_ms() + c->connect_wait;
		log_event(DAEMON_ERROR, "what=supervisor reason='it closed the connection'");
		changer_publish(c, false);
	}
}

bool changer_do_due(struct changer *c)
{
	bool is_open = link_is_open(&c->work.link);

	if (!is_open) {
		c->is_passing = false;
		if (loop_now_ms() < c->connect_at)
			return false;
		try_connect(c);
		c->pass_at = loop_now_ms();
	} else if (c->is_passing) {
		step_pass(c);
	} else if (c->work.is_left && loop_now_ms() >= c->pass_at) {
		begin_pass(c);
	} else if (loop_now_ms() >= c->daily_at) {
		do_daily(c);
	} else {
		return false;
	}
	return true;
}
