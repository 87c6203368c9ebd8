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

enum board_word board_last_word(int fd)
{
	uint32_t word = BOARD_NO_WORD;

	if (fd < 0 || pread(fd, &word, sizeof(word), offsetof(struct board, last_word)) !=
		      (ssize_t)sizeof(word))
		return BOARD_NO_WORD;
	return word == BOARD_RUNS ? BOARD_RUNS : word == BOARD_LEFT ? BOARD_LEFT : BOARD_NO_WORD;
}

static void take_board(int fd, uint32_t slots, uint32_t after, struct wire_board *out,
		       bool *out_more)
{
	static struct board b;		/* large */
	uint64_t now = (uint64_t)loop_now_ms();
	size_t size = offsetof(struct board, row) + slots * sizeof(b.row[0]);

	if (fd < 0 || pread(fd, &b, size, 0) != (ssize_t)size)
		return;
	board_take(&b, slots, after, now, out, out_more);
}

static int read_queue(const struct pool *p, struct sock_facts *out)
{
	return p->listener < 0 ? -1 :
	       sock_diag_read((ino_t)listener_inode(p->listener), out, NULL);
}

void board_note_queue(struct pool *p)
{
	struct sock_facts facts;

	if (read_queue(p, &facts) < 0)
		return;
	if (facts.queue > p->max_listen_queue)
		p->max_listen_queue = facts.queue;
	const struct board_queue queue = { .now = facts.queue, .most = p->max_listen_queue,
					   .room = facts.backlog };

	/* For who asks the pool itself.  One that does not take it has no board any more. */
	if (p->now && p->now->board >= 0 &&
	    pwrite(p->now->board, &queue, sizeof(queue), offsetof(struct board, queue)) < 0)
		fd_close(&p->now->board);
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
