/* SPDX-License-Identifier: Apache-2.0 */
/* The trial's spec, and what its end means. */
#include "daemon/supervisor/trial.h"

#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/generation.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/pool_spec.h"

#define MESSAGES_MAX 4		/* it has one thing to say */

static int take_message(void *owner, const void *message, size_t size, struct err *err)
{
	struct trial *t = owner;
	uint32_t kind = 0;

	if (aside_take_report(&t->aside, message, size, &kind, err) < 0)
		return -1;
	if (kind != POOL_REPORT_READY)
		return 0;
	/* That is all there was to learn: nothing of it shall go on. */
	t->is_ready = true;
	child_signal(&t->aside.child, SIGKILL);
	return 0;
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct trial *t = owner;
	char how[SPAWN_END_TEXT];

	spawn_end_text(end, how);
	t->microseconds = (uint32_t)(loop_now_ms() - t->began_ms) * 1000;
	if (t->aside.failure[0])
		(void)err_set(&t->err, ERR_UNFIT, "%s", t->aside.failure);
	else if (t->aside.child.is_late && !t->is_ready)
		(void)err_set(&t->err, ERR_UNFIT, "PHP was not ready after %d s",
			      START_LIMIT_MS / 1000);
	else if (!t->is_ready)
		(void)err_set(&t->err, ERR_UNFIT, "PHP %s before it was ready%s", how,
			      end->is_signal ? "; is the tenant at its limit of memory or "
			      "processes?" : "");
	t->on_done(t->owner);
}

/* Where the kernel would have to end a process of the site for it, its visitors count
 * more.  A group that is not there yet holds nothing. */
static bool has_room(const struct pool *p)
{
	uint64_t held = cgroup_memory_held(&p->pools->place->tree, p->number);

	return held == UINT64_MAX || held <= p->spec.limits.memory_max / 2;
}

/* The record, checked as one from the disk would be, with the trial's mark, which no
 * start of a pool takes. */
static int spec_of(const struct pool *p, const void *record, size_t size, struct jail_spec *out,
		   struct err *err)
{
	const uint32_t mark = POOL_TRIAL_MAGIC;
	struct tenant_spec spec;

	if (size != sizeof(*out))
		return err_set(err, ERR_BAD_RECORD, "a spec of %zu bytes", size);
	memcpy(out, record, size);
	if (tenant_spec_from(out, p->number, &spec, err) < 0)
		return -1;
	if (spec.is_suspended || p->spec.is_suspended)
		return err_set(err, ERR_CONFLICT, "'%s' is suspended: nothing of it runs",
			       p->spec.site);
	memcpy(out->payload + offsetof(struct pool_spec, magic), &mark, sizeof(mark));
	return 0;
}

int trial_start(struct trial *t, uint32_t number, const void *record, size_t size,
		struct err *err)
{
	static struct jail_spec spec;
	const struct pool *p = pools_find(t->pools, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	if (spec_of(p, record, size, &spec, err) < 0)
		return -1;
	if (!has_room(p))
		return err_set(err, ERR_EXHAUSTED, "not tried: '%s' uses more than half of its "
			       "memory", p->spec.site);
	t->is_ready = false;
	t->began_ms = loop_now_ms();
	t->err = (struct err){ 0 };
	if (generation_check_program(&spec, err) < 0 ||
	    aside_start(&t->aside, number, &spec, t->pools->place->null, START_LIMIT_MS, err) < 0)
		return -1;
	log_event(POOL_TRIAL, "tenant=%u site=%s generation=%u", number, p->spec.site,
		  t->aside.generation);
	return 0;
}

void trial_init(struct trial *t, struct pools *pools, void (*on_done)(void *owner), void *owner)
{
	*t = (struct trial){ .pools = pools, .on_done = on_done, .owner = owner };
	aside_init(&t->aside, pools, MESSAGES_MAX, take_message, on_end, t);
}
