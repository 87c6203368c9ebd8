/* SPDX-License-Identifier: Apache-2.0 */
/* Starting tenant-probe, hearing it, clearing up after it. */
#include "daemon/supervisor/verify.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "daemon/supervisor/report.h"
#include "schema/errors.h"
#include "schema/events.h"

#define PROBE "tenant-probe"	/* beside the pool's program, which the jail holds */
#define LIMIT_MS 120000	/* a slow plan on a busy machine */
#define MESSAGES_MAX (WIRE_PROMISE_ROWS + 8)	/* and what the jail says of itself */

/* ---- what it says ---- */

/* One message: an outcome, or the jail's own report of a failure. */
static int take_message(struct verify *v, const void *message, size_t size, struct err *err)
{
	struct wire_promise r;
	struct pool_report said;

	/* It stands in a tenant's cage: whoever talks without end is not heard. */
	if (++v->messages > MESSAGES_MAX && !mutant_is_off("probe-bound"))
		return err_set(err, ERR_BAD_RECORD, "too many messages");
	if (size != sizeof(r)) {
		if (report_check(message, size, 0, &said, err) < 0)
			return -1;
		if (said.kind == POOL_REPORT_FAILED)
			memcpy(v->failure, said.text, sizeof(v->failure));
		return 0;
	}
	memcpy(&r, message, sizeof(r));
	if (v->count == ARRAY_SIZE(v->row) || !promise_check(&r))
		return err_set(err, ERR_BAD_RECORD, "an outcome that is none, or one too many");
	v->row[v->count++] = r;
	return 0;
}

static void stop_listening(struct verify *v)
{
	loop_watch_stop(&v->place->loop, &v->watch);
	fd_close_strange(&v->report);
}

static void hear(struct verify *v)
{
	unsigned char message[sizeof(struct pool_report) + 1];	/* a longer one is seen to be */
	struct err err = { 0 };

	while (v->report >= 0) {
		size_t no_fds = 0;
		ssize_t n = fd_receive(v->report, message, sizeof(message), NULL, &no_fds);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && take_message(v, message, (size_t)n, &err) == 0)
			continue;
		if (n < 0)
			(void)err_sys(&err, "receive what it says");
		if (n != 0)
			(void)str_copy(v->failure, sizeof(v->failure), err.text);
		/* Its end closes the channel, too: then this finds nobody, and changes
		 * nothing of how it ended. */
		child_signal(&v->child, SIGKILL);
		stop_listening(v);
	}
}

static void on_message(void *owner, uint32_t events)
{
	(void)events;
	hear(owner);
}

/* Its group goes with the next sweep. */
static void clear(struct verify *v)
{
	struct pool *p = pools_find(v->pools, v->request.number);

	if (p && p->verified_as == v->generation) {
		p->verified_as = 0;
		p->is_dirty = true;
		pools_settle(v->pools);
	}
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct verify *v = owner;
	struct err err = { 0 };
	char how[SPAWN_END_TEXT];

	hear(v);		/* its last words */
	stop_listening(v);
	clear(v);
	spawn_end_text(end, how);
	if (v->failure[0])
		(void)err_set(&err, ERR_JAIL, "the cage of tenant %u could not be tried: %s",
			      v->request.number, v->failure);
	else if (v->child.is_late)
		(void)err_set(&err, ERR_FAILED, PROBE " was not done after %d s and was killed; "
			      "has the tenant CPU time and memory left?", LIMIT_MS / 1000);
	else if (!end->is_known || end->is_signal || end->status != 0)
		(void)err_set(&err, ERR_INTERRUPTED, PROBE " %s; is the tenant at its limit of "
			      "memory or processes?", how);
	peers_reply(v->peers, v->peer, &v->request, &err, v->row, v->count * sizeof(v->row[0]));
}

/* ---- how it starts ---- */

/* An abstract socket of the host's, which the probe must not reach. */
static int bait(struct err *err)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
	    listen(fd, 1) < 0)
		return err_sys(err, "make an abstract socket");
	return fd_take(&fd);
}

/* The tenant's spec, but for the program. */
static int spec_of(const struct verify *v, uint32_t number, struct jail_spec *out,
		   struct err *err)
{
	struct tenant_spec spec;

	if (tenant_spec_read(v->place, number, &spec, out, err) < 0)
		return -1;
	if (spec.is_suspended)
		return err_set(err, ERR_CONFLICT, "'%s' is suspended: nothing of it runs",
			       spec.site);
	out->flags &= ~(uint32_t)SPEC_NETWORK;	/* the link is the pool's */
	char *name = strrchr(out->program, '/');

	if (str_copy(name + 1, sizeof(out->program) - (size_t)(name + 1 - out->program), PROBE) < 0)
		return err_set(err, ERR_BAD_RECORD, "the program's path is too long");
	return 0;
}

/* Ends of which the program gets its share; closed by start(). */
struct ends {
	int listener, spec, report, go, our_go, cgroup;
};

static int open_ends(struct verify *v, const struct pool *p, const struct jail_spec *spec,
		     struct ends *e, struct err *err)
{
	const struct cgroup_tree *tree = &v->place->tree;

	if (cgroup_set_limits(tree, p->number, &spec->limits, err) < 0 ||
	    cgroup_generation_make(tree, p->number, v->generation, &e->cgroup, err) < 0)
		return -1;
	e->listener = bait(err);
	e->spec = e->listener < 0 ? -1 : fd_sealed("spec", spec, sizeof(*spec), err);
	if (e->spec < 0)
		return -1;
	if (spawn_channel(&v->report, &e->report, err) < 0 ||
	    spawn_pipe(&e->go, &e->our_go, err) < 0)
		return -1;
	v->watch.fd = v->report;
	return loop_watch_set(&v->place->loop, &v->watch, EPOLLIN, err);
}

static int start(struct verify *v, const struct pool *p, const struct jail_spec *spec,
		 struct ends *e, struct err *err)
{
	if (open_ends(v, p, spec, e, err) < 0)
		return -1;
	int fds[] = { e->listener, e->spec, e->report, v->place->null, e->go, v->place->null,
		      v->place->null };
	struct spawn s = {
		.program = "tenant-jail", .fds = fds, .fd_count = ARRAY_SIZE(fds),
		.output = v->place->null, .cgroup = e->cgroup,
		.namespaces = mutant_is_off("pid-ns") ? 0 : CLONE_NEWPID,
	};

	if (child_start(&v->child, &s, LIMIT_MS, err) < 0)
		return -1;
	/* From here on_end() tells: without the byte it ends by itself. */
	struct err late = { 0 };

	if (cgroup_attach(&v->place->tree, p->number, v->generation, v->child.pid, &late) < 0 ||
	    (fd_write_full(e->our_go, "", 1) < 0 && err_sys(&late, "let tenant-jail go") < 0))
		(void)str_copy(v->failure, sizeof(v->failure), "it could not join its group");
	return 0;
}

static void close_ends(struct ends *e)
{
	fd_close(&e->listener);
	fd_close(&e->spec);
	fd_close(&e->report);
	fd_close(&e->go);
	fd_close(&e->our_go);
	fd_close(&e->cgroup);
}

static int try_start(struct verify *v, uint32_t number, struct err *err)
{
	struct ends e = { -1, -1, -1, -1, -1, -1 };
	struct jail_spec spec;
	struct pool *p = pools_find(v->pools, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	if (spec_of(v, number, &spec, err) < 0)
		return -1;
	v->generation = ++p->last_generation;
	p->verified_as = v->generation;
	int rc = start(v, p, &spec, &e, err);

	close_ends(&e);
	if (rc < 0) {
		stop_listening(v);
		clear(v);
	}
	return rc;
}

void verify_start(struct verify *v, uint64_t peer, const struct wire_head *request)
{
	struct err err = { 0 };

	if (v->child.pid != 0) {
		(void)err_set(&err, ERR_BUSY, "tenant %u is being verified; try again in a moment",
			      v->request.number);
		peers_reply(v->peers, peer, request, &err, NULL, 0);
		return;
	}
	v->peer = peer;
	v->request = *request;
	v->count = 0;
	v->messages = 0;
	v->failure[0] = '\0';
	if (try_start(v, request->number, &err) < 0)
		peers_reply(v->peers, peer, request, &err, NULL, 0);
	else
		log_event(POOL_VERIFY, "tenant=%u generation=%u", request->number, v->generation);
}

void verify_init(struct verify *v, struct place *place, struct pools *pools,
		 struct peers *peers)
{
	*v = (struct verify){ .place = place, .pools = pools, .peers = peers, .report = -1,
			      .watch = { .fd = -1, .on_event = on_message, .owner = v } };
	child_init(&v->child, place, on_end, v);
}
