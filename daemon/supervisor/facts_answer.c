/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes are read, and that they were the right ones. */
#include "daemon/supervisor/facts_answer.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "daemon/supervisor/net_link.h"
#include "sandbox/facts.h"
#include "sandbox/machine.h"
#include "schema/errors.h"

void facts_machine(const struct pools *ps, struct wire_machine *out)
{
	machine_read(&ps->place->tree, ps->place->settings.home_dir, out);
	net_link_facts(ps->net, out);
	out->tenants = (uint32_t)ps->count;
	out->tenants_max = (uint32_t)ps->max;
}

int facts_record(const struct pools *ps, struct err *err)
{
	struct wire_machine facts;

	facts_machine(ps, &facts);
	return file_write(ps->place->run_dir, WIRE_MACHINE_FILE, &facts, sizeof(facts), 0644, 0, 0,
			  err);
}

struct search {
	pid_t master, found, wanted;	/* wanted 0: any but the master */
};

static int look(pid_t pid, void *arg)
{
	struct search *s = arg;

	if (pid == s->master || (s->wanted && pid != s->wanted))
		return 0;
	s->found = pid;
	return 1;
}

/* A process of the generation that is not its master, or 0. */
static pid_t find_worker(const struct pools *ps, const struct pool *p, pid_t wanted)
{
	struct search s = { .master = p->now->pid, .wanted = wanted };

	(void)cgroup_each_pid(&ps->place->tree, p->number, p->now->id, look, &s, NULL);
	return s.found;
}

int facts_jail(const struct pools *ps, uint32_t number, struct wire_jail *out, struct err *err)
{
	struct pool *p = pools_find(ps, number);

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	if (!p->now || p->now->ready_ms == 0)
		return err_set(err, ERR_CONFLICT, "'%s' has no living pool (%s); visit a script of "
			       "it, then ask again", p->spec.site, pool_state_word((int)p->state));
	struct pollfd end = { .fd = p->now->pidfd, .events = POLLIN };
	pid_t worker = find_worker(ps, p, 0);

	memset(out, 0, sizeof(*out));
	out->generation = p->now->id;
	out->revision = p->spec.revision;
	facts_namespaces(getpid(), out->host_namespaces);
	facts_cgroup(&ps->place->tree, number, out);
	facts_process(p->now->pid, &out->process[0], out->mounts, sizeof(out->mounts));
	if (worker)
		facts_process(worker, &out->process[1], NULL, 0);
	/* Ended meanwhile: the number may stand for another process. */
	if (worker && !find_worker(ps, p, worker))
		memset(&out->process[1], 0, sizeof(out->process[1]));
	if (poll(&end, 1, 0) != 0)
		return err_set(err, ERR_CONFLICT, "the pool of '%s' ended while it was looked at",
			       p->spec.site);
	return 0;
}
