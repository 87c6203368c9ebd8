/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what a message brought, or for several messages of one sender in turn. */
#include "base/closers.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define STACK (PTHREAD_STACK_MIN + 65536)

struct batch {
	struct batch *next;
	uint32_t sender;
	bool is_begun;		/* by a thread */
	size_t count;
	int fd[FD_MESSAGE_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct batch *batches;	/* the oldest first */

static struct batch *next_of(uint32_t sender)
{
	for (struct batch *b = batches; b; b = b->next)
		if (b->sender == sender && !b->is_begun)
			return b;
	return NULL;
}

/* Ends DONE, and begins the sender's next. */
static struct batch *go_on(struct batch *done)
{
	(void)pthread_mutex_lock(&lock);
	struct batch **at = &batches;

	while (*at != done)
		at = &(*at)->next;
	*at = done->next;
	struct batch *next = next_of(done->sender);

	if (next)
		next->is_begun = true;
	(void)pthread_mutex_unlock(&lock);
	(void)munmap(done, sizeof(*done));
	return next;
}

static void *run(void *arg)
{
	const struct linger none = { 0 };

	for (struct batch *b = arg; b; b = go_on(b))
		for (size_t i = 0; i < b->count; i++) {
			/* Fails for what is no socket. */
			(void)setsockopt(b->fd[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
			(void)close(b->fd[i]);
		}
	return NULL;
}

static int start_thread(struct batch *first)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)pthread_attr_init(&attributes);	/* these cannot fail */
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, STACK);
	int rc = pthread_create(&thread, &attributes, run, first);

	(void)pthread_attr_destroy(&attributes);
	return rc;
}

/* Puts B behind the others.  True if it gets a thread of its own. */
static bool append(struct batch *b)
{
	struct batch **at = &batches;
	size_t threads = 0;

	(void)pthread_mutex_lock(&lock);
	for (; *at; at = &(*at)->next)
		threads += (*at)->sender == b->sender && (*at)->is_begun;
	bool begins = threads < CLOSERS_OF_ONE;

	b->is_begun = begins;
	*at = b;
	(void)pthread_mutex_unlock(&lock);
	return begins;		/* if not, B may be closed and gone by now */
}

void closers_add(uint32_t sender, const int *fds, size_t count)
{
	int saved = errno;
	/* No malloc(), whose lock would be held while the process is cloned. */
	struct batch *b = count == 0 ? NULL :
			  mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED) {
		for (size_t i = 0; i < count; i++)
			(void)close(fds[i]);
	} else if (b) {
		b->sender = sender;
		b->count = count;
		memcpy(b->fd, fds, count * sizeof(fds[0]));
		/* Without a thread it takes what it takes. */
		if (append(b) && start_thread(b) != 0)
			(void)run(b);
	}
	errno = saved;
}

bool closers_are_full(uint32_t sender)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&lock);
	for (const struct batch *b = batches; b; b = b->next)
		count += b->sender == sender ? b->count : 0;
	(void)pthread_mutex_unlock(&lock);
	return count >= CLOSERS_FDS_OF_ONE;
}
