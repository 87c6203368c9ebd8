/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from memory, cgroupfs and sock_diag. */
#include "daemon/supervisor/status.h"

#include <string.h>

#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/log_link.h"
#include "daemon/supervisor/sock_diag.h"
#include "sandbox/quota.h"
#include "schema/errors.h"
#include "schema/states.h"

static void take_pool(const struct pool *p, struct wire_status *out)
{
	const struct generation *g = p->now;
	int64_t left_ms = p->timer.is_set ? p->timer.due_ms - loop_now_ms() : 0;

	out->pool_state = (uint32_t)p->state;
	out->since = p->since;
	out->starts = p->starts;
	out->crashes = p->crashes;
	out->listener_replaced = p->listener_replaced;
	out->backoff_s = left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 0;
	out->workers = g ? g->workers : -1;
	out->active = g ? g->active : -1;
	out->network = g ? g->link : LINK_OFF;
	out->sent_bytes = p->sent_bytes;
	out->sent_packets = p->sent_packets;
	out->received_bytes = p->received_bytes;
	out->received_packets = p->received_packets;
	out->refused_packets = p->refused_packets;
	memcpy(out->network_reason, p->link_reason, sizeof(out->network_reason));
	if (g) {
		out->generation = g->id;
		out->master_pid = g->pid;
		out->is_adopted = g->is_adopted;
	}
	out->violations = p->pools->log->is_counting ? p->violations.total : UINT64_MAX;
	violations_text(&p->violations, out->violation_calls);
	memcpy(out->last_end, p->last_end, sizeof(out->last_end));
	memcpy(out->last_error, p->last_error, sizeof(out->last_error));
}

static void take_cgroup(const struct cgroup_facts *facts, struct wire_status *out)
{
	out->processes = (uint32_t)facts->pids_current;
	out->memory_current = facts->memory_current;
	out->memory_max = facts->memory_max;
	out->memory_oom_kill = facts->memory_oom_kill;
	out->memory_max_hit = facts->memory_max_hit;
	out->pids_current = facts->pids_current;
	out->pids_max = facts->pids_max;
	out->pids_max_hit = facts->pids_max_hit;
	out->cpu_usage_us = facts->cpu_usage_us;
	out->cpu_nr_throttled = facts->cpu_nr_throttled;
	out->cpu_throttled_us = facts->cpu_throttled_us;
}

static void take_quota(const struct place *p, uint32_t number, struct wire_status *out)
{
	struct quota_facts facts = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

	if (quota_missing(p->homes) == 0)
		(void)place_quota(p, number, &facts, NULL);
	out->disk_used = facts.bytes;
	out->disk_max = facts.bytes_max;
	out->inodes_used = facts.inodes;
	out->inodes_max = facts.inodes_max;
}

int status_read(const struct pools *ps, uint32_t number, struct wire_status *out,
		struct err *err)
{
	struct pool *p = pools_find(ps, number);
	struct wire_status status = { 0 };
	struct cgroup_facts facts = { 0 };
	struct sock_facts queue;

	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	take_pool(p, &status);
	/* A tenant that never ran may have no group; a kernel without the
	 * diagnosis of sockets shows no queue. */
	if (cgroup_read(&ps->place->tree, number, &facts, NULL) == 0)
		take_cgroup(&facts, &status);
	status.memory_oom_kill = pool_oom_kills(p);
	take_quota(ps->place, number, &status);
	if (p->listener >= 0 &&
	    sock_diag_read((ino_t)listener_inode(p->listener), &queue, NULL) == 0)
		status.listen_queue = queue.queue;
	*out = status;
	return 0;
}

size_t status_list(const struct pools *ps, uint32_t after,
		   struct wire_list_row out[WIRE_LIST_ROWS], bool *is_more)
{
	size_t n = 0;

	*is_more = false;
	for (size_t i = 0; i < ps->count; i++) {
		const struct pool *p = ps->at[i];

		if (p->number <= after || p->is_gone)
			continue;
		if (n == WIRE_LIST_ROWS) {
			*is_more = true;
			break;
		}
		out[n++] = (struct wire_list_row){
			.number = p->number, .generation = p->now ? p->now->id : 0,
			.revision = p->spec.revision, .is_suspended = p->spec.is_suspended,
			.pool_state = (uint16_t)p->state };
	}
	return n;
}
