/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over from an earlier supervisor, trusting only what can be verified. */
#include "daemon/supervisor/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/str.h"
#include "daemon/supervisor/leftovers.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/log_link.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/pool_spec.h"

static void take_fd(int fd, const char *name, void *arg)
{
	struct adopt_store *s = arg;
	uint64_t number = 0;
	struct adopt_held *held = NULL;

	if (name[0] == 't' && str_number(name + 1, UINT32_MAX, &number) == 0)
		held = realloc(s->held, (s->count + 1) * sizeof(*held));
	if (!held) {
		(void)close(fd);
		return;
	}
	s->held = held;
	s->held[s->count++] = (struct adopt_held){ (uint32_t)number, fd };
}

void adopt_store_take(struct adopt_store *s)
{
	*s = (struct adopt_store){ 0 };
	notify_take_fds(take_fd, s);
}

static int held_take(struct adopt_store *s, uint32_t number)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->held[i].number == number && s->held[i].fd >= 0)
			return fd_take(&s->held[i].fd);
	return -1;
}

static int is_same_pid(pid_t pid, void *arg)
{
	return pid == *(const pid_t *)arg;
}

/* A line of /proc/PID/status, its last number: "NSpid: 412 1", "Uid: ...". */
static int status_last(pid_t pid, const char *key, uint64_t *out)
{
	char path[64], line[256];
	int rc = -1;

	(void)str_format(path, sizeof(path), "/proc/%d/status", (int)pid);	/* fits */
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (rc < 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		const char *last = strrchr(line, '\t');

		rc = last ? str_number(last + 1, UINT32_MAX, out) : -1;
	}
	(void)fclose(f);	/* read only */
	return rc;
}

/* A pidfd of the recorded process if it is what the record says: pid 1 of its
 * own namespace, in its own group, of the tenant's uid, started at that time. */
static int verify(const struct pool *p, const struct pool_record_generation *r, struct err *err)
{
	pid_t pid = r->pid;
	uint64_t inner = 0, uid = 0;
	/* Opened first: what is then found true is true of this very process. */
	CLOSE_AT_EXIT int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return err_sys(err, "process %d", (int)pid);
	if (r->start_time == 0 || pool_record_start_time(pid) != r->start_time)
		return err_set(err, ERR_FAILED, "process %d is another one by now", (int)pid);
	if (cgroup_each_pid(&p->pools->place->tree, p->number, r->id, is_same_pid, &pid, err) != 1)
		return err_set(err, ERR_FAILED, "process %d is not in its group", (int)pid);
	if (status_last(pid, "NSpid:", &inner) < 0 || inner != 1)
		return err_set(err, ERR_FAILED, "process %d is not pid 1 of a jail", (int)pid);
	if (status_last(pid, "Uid:", &uid) < 0 || uid != p->spec.uid)
		return err_set(err, ERR_FAILED, "process %d is not the tenant's", (int)pid);
	return fd_take(&pidfd);
}

/* Keeps a socket that turns out to be the recorded listener. */
static void try_listener(struct pool *p, int fd, uint64_t inode, const char *from)
{
	struct err err = { 0 };

	if (fd < 0)
		return;
	if (p->listener < 0 && listener_verify(p->pools->place, p->number, fd, inode, &err) == 0) {
		p->listener = fd;
		return;
	}
	if (err.code != 0)
		log_event(DAEMON_ERROR, "tenant=%u error='listener from %s: %s'", p->number, from,
			  err.text);
	fd_close(&fd);
}

static void adopt_generation(struct pool *p, const struct pool_record_generation *r, size_t slot,
			     uint64_t listener)
{
	struct generation like = { .id = r->id, .pid = r->pid, .start_time = r->start_time,
				   .pool_key = r->pool_key, .drain_s = r->drain_s };
	struct err err = { 0 };
	int pidfd = verify(p, r, &err);
	struct generation *g = NULL;

	if (pidfd >= 0) {
		if (p->listener < 0)
			try_listener(p, (int)syscall(SYS_pidfd_getfd, pidfd, POOL_FD_LISTENER, 0),
				     listener, "the pool");
		g = generation_adopt(p, &like, slot, pidfd, &err);
	}
	if (!g) {
		log_event(DAEMON_ERROR, "tenant=%u generation=%u error='not adopted: %s'",
			  p->number, r->id, err.text);
		return;
	}
	p->is_log_wanted = true;
	log_event(DAEMON_ADOPT, "tenant=%u site=%s generation=%u pid=%d", p->number, p->spec.site,
		  g->id, (int)g->pid);
	if (r->is_ready)
		g->ready_ms = loop_now_ms();
	if (r->role == POOL_NOW && r->is_ready)
		p->now = g;
}

/* Whoever is not the one that serves finishes; also a pool whose start we did
 * not see to its end, since it can no longer tell us. */
static void settle_generations(struct pool *p)
{
	if (p->listener < 0)
		p->now = NULL;	/* visitors would come to another socket than its own */
	for (size_t i = 0; i < ARRAY_SIZE(p->slot); i++)
		if (p->slot[i].id != 0 && &p->slot[i] != p->now)
			generation_drain(&p->slot[i]);
}

/* Ids of groups that are there are not given out, record or no record. */
static int note_id(uint32_t id, void *arg)
{
	struct pool *p = arg;

	if (id > p->last_generation)
		p->last_generation = id;
	return 0;
}

static void adopt_one(struct pools *ps, struct adopt_store *s, uint32_t number)
{
	struct err err = { 0 };
	struct pool_record r = { 0 };
	struct pool *p = pools_add(ps, number, &err);
	int dir = -1;

	if (!p || tenant_spec_read(ps->place, number, &p->spec, NULL, &err) < 0 ||
	    (dir = place_pool_dir(ps->place, number, &err)) < 0) {
		/* Its processes, if there are any, go on; nothing is guessed. */
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", number, err.text);
		if (p) {
			pool_note_error(p, err.text);
			(void)cgroup_each_generation(&ps->place->tree, number, note_id, p, NULL);
		}
		return;
	}
	if (pool_record_read(dir, number, &r, &err) == 0) {
		p->last_generation = r.last_generation;
		try_listener(p, held_take(s, number), r.listener, "the store");
		for (size_t i = 0; i < ARRAY_SIZE(r.generation); i++)
			if (r.generation[i].id != 0)
				adopt_generation(p, &r.generation[i], i, r.listener);
		settle_generations(p);
	} else if (err.sys != ENOENT) {
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", number, err.text);
	}
	fd_close(&dir);
	if (cgroup_each_generation(&ps->place->tree, number, note_id, p, &err) < 0)
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", number, err.text);
	p->is_dirty = !leftovers_clear(p);	/* kills what nothing explains */
	if (p->listener >= 0)
		listener_store(number, p->listener);
	if (p->now)
		pool_step(p, WHEN_ADOPTED);
	err = (struct err){ 0 };
	if (pools_sync(ps, number, &err) < 0) {
		log_event(DAEMON_ERROR, "tenant=%u error='%s'", number, err.text);
		pool_note_error(p, err.text);
	}
}

struct adoption {
	struct pools *pools;
	struct adopt_store *store;
};

static int on_spec(uint32_t number, void *arg)
{
	struct adoption *a = arg;

	adopt_one(a->pools, a->store, number);
	return 0;
}

/* A group or folder of a number that has no spec. */
static int on_leftover(uint32_t number, void *arg)
{
	struct pools *ps = arg;
	struct err err = { 0 };
	struct pool *p = pools_find(ps, number);

	if (p)
		return 0;
	p = pools_add(ps, number, &err);
	if (p)
		pool_discard(p);
	else
		log_event(DAEMON_ERROR, "tenant=%u error='not cleared away: %s'", number, err.text);
	return 0;
}

int adopt_all(struct pools *ps, struct adopt_store *s, struct err *err)
{
	struct adoption a = { ps, s };

	if (tenant_spec_each(ps->place, on_spec, &a, err) < 0 ||
	    cgroup_each_tenant(&ps->place->tree, on_leftover, ps, err) < 0 ||
	    file_each_number(ps->place->pool_dir, "", on_leftover, ps, err) < 0)
		return err_wrap(err, "what an earlier supervisor left");
	for (size_t i = 0; i < s->count; i++) {
		if (s->held[i].fd < 0)
			continue;
		listener_unstore(s->held[i].number);
		fd_close(&s->held[i].fd);
	}
	free(s->held);
	*s = (struct adopt_store){ 0 };
	log_link_sync(ps->log);
	pools_settle(ps);
	return 0;
}
