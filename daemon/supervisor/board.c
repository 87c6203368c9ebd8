/* SPDX-License-Identifier: Apache-2.0 */
/* What pools tell, and how many visitors wait for them. */
#include "daemon/supervisor/board.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/sock_diag.h"
#include "schema/errors.h"

/* Of more than these it is not worked out: the kernel walks all page tables, and
 * meanwhile no site is started. */
#define PSS_PROCESSES 64
#define PSS_TABLES_KIB 32768

bool board_is_one(int fd)
{
	const int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int seals = fcntl(fd, F_GET_SEALS);	/* fails for all but such files */
	struct stat st;

	return seals >= 0 && (seals & need) == need && fstat(fd, &st) == 0 &&
	       st.st_size == (off_t)sizeof(struct board);
}

static void copy_text(char *out, const char *in, size_t size)
{
	memcpy(out, in, size);
	out[size - 1] = '\0';
}

static uint64_t passed(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void take_row(const struct score *s, uint64_t now, struct wire_board_row *out)
{
	*out = (struct wire_board_row){
		.pid = atomic_load(&s->pid), .is_busy = atomic_load(&s->turn) & 1,
		.age_ms = passed(now, atomic_load(&s->started)),
		.turn_ms = passed(now, atomic_load(&s->since)),
		.requests = atomic_load(&s->served), .cpu = atomic_load(&s->cpu),
		.memory = atomic_load(&s->memory), .length = s->length,
	};
	copy_text(out->method, s->method, sizeof(out->method));
	copy_text(out->user, s->user, sizeof(out->user));
	copy_text(out->uri, s->uri, sizeof(out->uri));
	copy_text(out->script, s->script, sizeof(out->script));
}

static void take_rows(const struct board *b, uint32_t slots, uint32_t after, uint64_t now,
		      struct wire_board *out, bool *out_more)
{
	for (uint32_t i = 0; i < slots; i++) {
		const struct score *s = &b->row[i];

		out->accepted += atomic_load(&s->requests);
		if (atomic_load(&s->pid) == 0)
			continue;
		*(atomic_load(&s->turn) & 1 ? &out->active : &out->idle) += 1;
		if (i < after)
			continue;
		if (out->row_count == WIRE_BOARD_ROWS) {
			*out_more = true;
			continue;
		}
		take_row(s, now, &out->row[out->row_count++]);
		out->next = i + 1;
	}
}

static void take_board(int fd, uint32_t slots, uint32_t after, struct wire_board *out,
		       bool *out_more)
{
	static struct board b;		/* large */
	uint64_t now = (uint64_t)loop_now_ms();
	size_t size = offsetof(struct board, row) + slots * sizeof(b.row[0]);

	if (fd < 0 || pread(fd, &b, size, 0) != (ssize_t)size)
		return;
	out->started = (int64_t)atomic_load(&b.started);
	out->age_ms = passed(now, atomic_load(&b.started_ms));
	out->max_active = atomic_load(&b.max_active);
	out->max_children_reached = atomic_load(&b.max_children_reached);
	out->slow = atomic_load(&b.slow);
	out->late = atomic_load(&b.late);
	out->waited_ms = atomic_load(&b.waited_ms);
	for (size_t i = 0; i < BOARD_WAITS; i++)
		out->waits[i] = atomic_load(&b.waits[i]);
	take_rows(&b, slots, after, now, out, out_more);
	if (out->max_active < out->active)
		out->max_active = out->active;
}

static int read_queue(const struct pool *p, struct sock_facts *out)
{
	return p->listener < 0 ? -1 :
	       sock_diag_read((ino_t)listener_inode(p->listener), out, NULL);
}

void board_note_queue(struct pool *p)
{
	struct sock_facts facts;

	if (read_queue(p, &facts) == 0 && facts.queue > p->max_listen_queue)
		p->max_listen_queue = facts.queue;
}

struct pss {
	uint64_t bytes, tables_kib;
	uint32_t processes;
	bool is_known;
};

/* The line KEY of a file of a process.  One that has just ended has none: 0. */
static uint64_t read_kib(pid_t pid, const char *file, const char *key)
{
	char path[64], text[4096];
	uint64_t kib = 0;

	(void)str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, file);	/* fits */
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	const char *at = strstr(text, key);

	return at && sscanf(at + strlen(key), " %lu", &kib) == 1 ? kib : 0;
}

/* Shared pages count in part, by how many share them. */
static int add_pss(pid_t pid, void *arg)
{
	struct pss *sum = arg;

	sum->processes++;
	sum->tables_kib += read_kib(pid, "status", "\nVmPTE:");
	if (sum->processes > PSS_PROCESSES || sum->tables_kib > PSS_TABLES_KIB) {
		sum->is_known = false;
		return 1;
	}
	sum->bytes += read_kib(pid, "smaps_rollup", "\nPss:") * 1024;
	return 0;
}

static uint64_t read_pss(const struct pools *ps, const struct pool *p)
{
	struct pss sum = { .is_known = true };

	for (size_t i = 0; i < ARRAY_SIZE(p->slot) && sum.is_known; i++)
		if (p->slot[i].id != 0 &&
		    cgroup_each_pid(&ps->place->tree, p->number, p->slot[i].id, add_pss, &sum,
				    NULL) < 0)
			sum.is_known = false;
	return sum.is_known ? sum.bytes : UINT64_MAX;
}

int board_status(const struct pools *ps, uint32_t number, uint32_t after, struct wire_board *out,
		 bool *out_more, struct err *err)
{
	struct pool *p = pools_find(ps, number);
	struct sock_facts facts = { 0 };

	*out_more = false;
	if (!p || p->is_gone)
		return err_set(err, ERR_UNKNOWN_SITE, "the supervisor knows no tenant %u", number);
	board_note_queue(p);
	*out = (struct wire_board){ .max_children = p->spec.max_children, .next = after,
				    .max_listen_queue = p->max_listen_queue,
				    .memory_pss = after == 0 ? read_pss(ps, p) : UINT64_MAX };
	if (read_queue(p, &facts) == 0) {
		out->listen_queue = facts.queue;
		out->listen_queue_len = facts.backlog;
	}
	if (p->now)
		take_board(p->now->board, p->spec.max_children < BOARD_ROWS ?
			   p->spec.max_children : BOARD_ROWS, after, out, out_more);
	return 0;
}
