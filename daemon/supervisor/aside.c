/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program beside the pool, hearing it, clearing up after it. */
#include "daemon/supervisor/aside.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

/* ---- what it says ---- */

int aside_take_report(struct aside *a, const void *message, size_t size, uint32_t *out_kind,
		      struct err *err)
{
	struct pool_report said;

	if (report_check(message, size, 0, &said, err) < 0)
		return -1;
	if (said.kind == POOL_REPORT_FAILED && !a->failure[0])
		memcpy(a->failure, said.text, sizeof(a->failure));
	*out_kind = said.kind;
	return 0;
}

/* It stands in a tenant's cage: whoever talks without end is not heard. */
static int take_message(struct aside *a, const void *message, size_t size, struct err *err)
{
	if (++a->messages > a->messages_max && !mutant_is_off("probe-bound"))
		return err_set(err, ERR_BAD_RECORD, "too many messages");
	return a->on_message(a->owner, message, size, err);
}

static void stop_listening(struct aside *a)
{
	loop_watch_stop(&a->pools->place->loop, &a->watch);
	fd_close_strange(a->number, &a->report);
}

static void hear(struct aside *a)
{
	unsigned char message[sizeof(struct pool_report) + 1];	/* a longer one is seen to be */
	struct err err = { 0 };

	while (a->report >= 0) {
		size_t no_fds = 0;
		ssize_t n = fd_receive_from(a->number, a->report, message, sizeof(message),
					    NULL, &no_fds);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && take_message(a, message, (size_t)n, &err) == 0)
			continue;
		if (n < 0)
			(void)err_sys(&err, "receive what it says");
		if (n != 0)
			(void)str_copy(a->failure, sizeof(a->failure), err.text);
		/* Its end closes the channel, too: then this finds nobody, and changes
		 * nothing of how it ended. */
		child_signal(&a->child, SIGKILL);
		stop_listening(a);
	}
}

static void on_report(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

/* Its group goes with the next sweep. */
static void clear(struct aside *a)
{
	struct pool *p = pools_find(a->pools, a->number);

	stop_listening(a);
	a->number = a->generation = 0;
	if (p)
		p->is_dirty = true;
	pools_settle(a->pools);
}

static void on_child_end(void *owner, const struct spawn_end *end)
{
	struct aside *a = owner;

	hear(a);		/* its last words */
	clear(a);
	a->on_end(a->owner, end);
}

/* ---- how it starts ---- */

/* Ends of which the program gets its share; closed by aside_start(). */
struct ends {
	int spec, report, go, our_go, cgroup;
};

static int open_ends(struct aside *a, const struct pool *p, const struct jail_spec *spec,
		     struct ends *e, struct err *err)
{
	const struct place *place = a->pools->place;

	/* The limits that hold, not those of SPEC: it may be of a change that does not come. */
	if (cgroup_set_limits(&place->tree, p->number, &p->spec.limits, err) < 0 ||
	    cgroup_generation_make(&place->tree, p->number, a->generation, &e->cgroup, err) < 0)
		return -1;
	e->spec = fd_sealed("spec", spec, sizeof(*spec), err);
	if (e->spec < 0)
		return -1;
	if (spawn_channel(&a->report, &e->report, err) < 0 ||
	    spawn_pipe(&e->go, &e->our_go, err) < 0)
		return -1;
	a->watch.fd = a->report;
	return loop_watch_set(&a->pools->place->loop, &a->watch, EPOLLIN, err);
}

static int start(struct aside *a, const struct pool *p, const struct ends *e, int listener,
		 int64_t limit_ms, struct err *err)
{
	const struct place *place = a->pools->place;
	int fds[] = { listener, e->spec, e->report, place->null, e->go, place->null, place->null };
	struct spawn s = {
		.program = "tenant-jail", .fds = fds, .fd_count = ARRAY_SIZE(fds),
		.output = place->null, .cgroup = e->cgroup,
		.namespaces = mutant_is_off("pid-ns") ? 0 : CLONE_NEWPID,
	};

	if (child_start(&a->child, &s, limit_ms, err) < 0)
		return -1;
	fault_point("tenantd.aside.spawned");
	/* From here on_child_end() tells: without the byte it ends by itself. */
	struct err late = { 0 };

	if (cgroup_attach(&place->tree, p->number, a->generation, a->child.pid, &late) < 0 ||
	    (fd_write_full(e->our_go, "", 1) < 0 && err_sys(&late, "let tenant-jail go") < 0))
		(void)str_copy(a->failure, sizeof(a->failure), "it could not join its group");
	fault_point("tenantd.aside.going");
	return 0;
}

static void close_ends(struct ends *e)
{
	fd_close(&e->spec);
	fd_close(&e->report);
	fd_close(&e->go);
	fd_close(&e->our_go);
	fd_close(&e->cgroup);
}

int aside_start(struct aside *a, uint32_t number, const struct jail_spec *spec, int listener,
		int64_t limit_ms, struct err *err)
{
	struct ends e = { -1, -1, -1, -1, -1 };
	struct jail_spec own = *spec;
	struct pool *p = pools_find(a->pools, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	if (a->child.pid != 0)
		return err_set(err, ERR_BUSY, "another one runs for tenant %u; try again in a "
			       "moment", a->number);
	own.flags &= ~(uint32_t)SPEC_NETWORK;	/* the site's one link is its pool's */
	a->number = number;
	a->generation = ++p->last_generation;
	a->messages = 0;
	a->failure[0] = '\0';
	int rc = open_ends(a, p, &own, &e, err);

	if (rc == 0)
		rc = start(a, p, &e, listener, limit_ms, err);
	close_ends(&e);
	if (rc < 0)
		clear(a);
	return rc;
}

bool aside_is_living(const struct pools *pools, uint32_t number, uint32_t generation)
{
	for (const struct aside *a = pools->asides; a; a = a->next)
		if (a->number == number && a->generation == generation)
			return true;
	return false;
}

void aside_init(struct aside *a, struct pools *pools, size_t messages_max,
		int (*on_message)(void *owner, const void *message, size_t size, struct err *err),
		void (*on_end)(void *owner, const struct spawn_end *end), void *owner)
{
	*a = (struct aside){ .pools = pools, .report = -1, .messages_max = messages_max,
			     .on_message = on_message, .on_end = on_end, .owner = owner,
			     .watch = { .fd = -1, .on_event = on_report, .owner = a },
			     .next = pools->asides };
	child_init(&a->child, pools->place, on_child_end, a);
	pools->asides = a;
}
