/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that waits for descriptors and times (epoll(7)).  Watches and
 * timers live inside the structs of their owners; the loop allocates nothing.
 * A watch may be stopped, and its owner freed, from any callback: what the
 * kernel had already reported for it is forgotten.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct loop_watch {
	int fd;			/* borrowed; stop the watch before closing it */
	void (*on_event)(void *owner, uint32_t events);
	void *owner;
	bool is_added;		/* the loop's */
};

struct loop_timer {
	void (*on_time)(void *owner);
	void *owner;
	int64_t due_ms;		/* the loop's, as are the next two */
	bool is_set;
	struct loop_timer *next;
};

#define LOOP_BATCH 64

struct loop {
	int epoll;
	struct loop_timer *timers;
	struct epoll_event batch[LOOP_BATCH];
	int batch_count;
};

int loop_init(struct loop *l, struct err *err);
void loop_done(struct loop *l);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t loop_now_ms(void);

/* Starts a watch or changes what it waits for (EPOLLIN, EPOLLONESHOT ...). */
int loop_watch_set(struct loop *l, struct loop_watch *w, uint32_t events, struct err *err);
void loop_watch_stop(struct loop *l, struct loop_watch *w);

/* Calls back once, AFTER_MS (at least 1) from now.  Setting again moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t after_ms);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Waits for at least one event or time and calls back. */
int loop_run_once(struct loop *l, struct err *err);

#endif
