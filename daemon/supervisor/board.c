/* SPDX-License-Identifier: Apache-2.0 */
/* What pools tell, and how many visitors wait for them. */
#include "daemon/supervisor/board.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/supervisor/listener.h"
#include "daemon/supervisor/sock_diag.h"
#include "sandbox/cgroup.h"
#include "schema/errors.h"

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

/* Not by write(2), which waits for all other writers of the file: one whose own source is
 * still to come from a slow disk would hold the supervisor up.  A board cannot shrink
 * (board_is_one), so that what is mapped of it is there. */
static int put_queue(int fd, const struct board_queue *queue)
{
	size_t size = offsetof(struct board, queue) + sizeof(*queue);
	struct board *b = mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);

	if (b == MAP_FAILED)
		return -1;
	b->queue = *queue;
	return munmap(b, size);
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
	if (p->now && p->now->board >= 0 && put_queue(p->now->board, &queue) < 0)
		fd_close(&p->now->board);
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
				    .memory_mapped = after > 0 ? UINT64_MAX :
						  cgroup_memory_used(&ps->place->tree, number) };
	if (read_queue(p, &facts) == 0) {
		out->listen_queue = facts.queue;
		out->listen_queue_len = facts.backlog;
	}
	if (p->now)
		take_board(p->now->board, p->spec.max_children < BOARD_ROWS ?
			   p->spec.max_children : BOARD_ROWS, after, out, out_more);
	return 0;
}
