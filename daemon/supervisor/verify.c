/* SPDX-License-Identifier: Apache-2.0 */
/* Starting tenant-probe and collecting its outcomes. */
#include "daemon/supervisor/verify.h"

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

/* One message: an outcome, or the jail's own report of a failure. */
static int take_message(void *owner, const void *message, size_t size, struct err *err)
{
	struct verify *v = owner;
	struct wire_promise r;
	uint32_t kind = 0;

	if (size != sizeof(r))
		return aside_take_report(&v->aside, message, size, &kind, err);
	memcpy(&r, message, sizeof(r));
	if (v->count == ARRAY_SIZE(v->row) || !promise_check(&r))
		return err_set(err, ERR_BAD_RECORD, "an outcome that is none, or one too many");
	v->row[v->count++] = r;
	return 0;
}

static void on_end(void *owner, const struct spawn_end *end)
{
	struct verify *v = owner;
	struct err err = { 0 };
	char how[SPAWN_END_TEXT];

	spawn_end_text(end, how);
	if (v->aside.failure[0])
		(void)err_set(&err, ERR_JAIL, "the cage of tenant %u could not be tried: %s",
			      v->request.number, v->aside.failure);
	else if (v->aside.child.is_late)
		(void)err_set(&err, ERR_FAILED, PROBE " was not done after %d s and was killed; "
			      "has the tenant CPU time and memory left?", LIMIT_MS / 1000);
	else if (!end->is_known || end->is_signal || end->status != 0)
		(void)err_set(&err, ERR_INTERRUPTED, PROBE " %s; is the tenant at its limit of "
			      "memory or processes?", how);
	peers_reply(v->peers, v->peer, &v->request, &err, v->row, v->count * sizeof(v->row[0]));
}

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
	char *name = strrchr(out->program, '/');

	if (str_copy(name + 1, sizeof(out->program) - (size_t)(name + 1 - out->program), PROBE) < 0)
		return err_set(err, ERR_BAD_RECORD, "the program's path is too long");
	return 0;
}

static int try_start(struct verify *v, uint32_t number, struct err *err)
{
	struct jail_spec spec;
	const struct pool *p = pools_find(v->pools, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	if (spec_of(v, number, &spec, err) < 0)
		return -1;
	CLOSE_AT_EXIT int listener = bait(err);

	return listener < 0 ? -1 :
	       aside_start(&v->aside, number, &spec, listener, LIMIT_MS, err);
}

void verify_start(struct verify *v, uint64_t peer, const struct wire_head *request)
{
	struct err err = { 0 };

	if (v->aside.child.pid != 0) {
		(void)err_set(&err, ERR_BUSY, "tenant %u is being verified; try again in a moment",
			      v->request.number);
		peers_reply(v->peers, peer, request, &err, NULL, 0);
		return;
	}
	v->peer = peer;
	v->request = *request;
	v->count = 0;
	if (try_start(v, request->number, &err) < 0)
		peers_reply(v->peers, peer, request, &err, NULL, 0);
	else
		log_event(POOL_VERIFY, "tenant=%u generation=%u", request->number,
			  v->aside.generation);
}

void verify_init(struct verify *v, struct place *place, struct pools *pools,
		 struct peers *peers)
{
	*v = (struct verify){ .place = place, .pools = pools, .peers = peers };
	aside_init(&v->aside, pools, MESSAGES_MAX, take_message, on_end, v);
}
