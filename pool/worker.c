/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's life: confine itself, accept, serve, leave. */
#include "pool/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mutant.h"
#include "pool/clock.h"
#include "pool/errlog.h"
#include "pool/filter.h"
#include "pool/measure.h"

#define KEPT_MS 10000		/* a kept connection may be silent so long */
#define BODY_WAIT_MS 30000	/* and a client inside a body */

struct worker {
	const struct worker_start *start;
	const struct options *options;
	int events;		/* epoll: listener and link */
	uint64_t idle_ms;	/* after which the worker leaves; 0: never */
	bool is_told;		/* to leave, by the link's end */
	uint64_t served;
	struct params params;
	struct answer answer;
	struct front front;
};

static _Noreturn void leave(enum worker_exit status)
{
	/* PHP has ended its request; what its modules would still do at their end
	 * (free memory, flush caches that live in the pool) the kernel does faster. */
	_exit(status);
}

static bool is_last_request(const struct worker *w)
{
	return w->options->max_requests > 0 && w->served + 1 >= w->options->max_requests;
}

/* The tenant's own processes hold the listener and could connect to themselves
 * with parameters of their choice: only others are served. */
static bool peer_is_allowed(int fd, uid_t own)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid != own || mutant_is_off("own-requests"));
}

static bool poll_one(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

/* Answers the master, or notes that it wants this worker to leave. */
static void heed(struct worker *w)
{
	char questions[16];
	ssize_t n = recv(w->start->link, questions, sizeof(questions), MSG_DONTWAIT);

	if (n > 0)
		(void)send(w->start->link, questions, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	else if (n == 0 || errno != EAGAIN)
		w->is_told = true;
}

/* Waits for the next request on a kept connection.  It must not hold a worker
 * that others wait for: with as many kept connections as workers the pool would
 * stand still. */
static bool wait_kept(struct worker *w)
{
	uint64_t until = clock_ms() + (front_has_more(&w->front) ? 0 : KEPT_MS);

	for (;;) {
		struct pollfd p[] = {
			{ .fd = w->front.fd, .events = POLLIN },
			{ .fd = POOL_FD_LISTENER, .events = POLLIN },
			{ .fd = w->start->link, .events = POLLIN },
		};
		int n = poll(p, 3, (int)clock_passed(until, clock_ms()));

		if (n > 0 && p[2].revents)
			heed(w);
		if (front_has_more(&w->front) || (n > 0 && p[0].revents & POLLIN))
			return true;
		if (n <= 0 || p[0].revents || p[1].revents || w->is_told)
			return false;
	}
}

static bool serve_one(struct worker *w)
{
	bool ran = false;
	struct runtime_request r = {
		.front = &w->front,
		.answer = &w->answer,
		.params = &w->params,
		.accepted_ms = clock_ms(),
		.served = w->served,
	};

	switch (front_next(&w->front, &w->params)) {
	case FRONT_REFUSED:
		errlog_write("a request was refused: it is no proper FastCGI, or its parameters "
			     "are too many");
		return false;
	case FRONT_CLOSED:
		return false;
	case FRONT_REQUEST:
		break;
	}
	if (is_last_request(w) || w->is_told)
		w->front.keep = false;
	if (!measure_serve(w->start->pool, w->start->score, &r, &ran))
		leave(WORKER_UNFIT);
	w->served += ran;
	return w->front.keep;
}

static void serve(struct worker *w, int fd)
{
	bool go_on = true;

	if (!peer_is_allowed(fd, w->start->pool->spec->uid)) {
		errlog_write("a connection from the pool's own user was refused");
		return;
	}
	front_open(&w->front, fd, (uint32_t)w->options->max_children, BODY_WAIT_MS);
	while (go_on) {
		score_begin(w->start->score, clock_ms());
		go_on = serve_one(w);
		if (go_on) {
			score_end(w->start->score, clock_ms());
			go_on = wait_kept(w);
		}
	}
}

/* A listener that was shut down is readable for ever, and accept says EAGAIN. */
static bool listener_is_damaged(void)
{
	struct pollfd p = { .fd = POOL_FD_LISTENER, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

static void accept_failed(int why)
{
	switch (why) {
	case EAGAIN:
		if (listener_is_damaged())
			leave(WORKER_LISTENER);
		return;
	case EINTR:
	case ECONNABORTED:
		return;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		/* Passing, and not ours to cure; but do not spin on it. */
		(void)poll(NULL, 0, 50);
		return;
	default:
		leave(WORKER_LISTENER);
	}
}

/* Accepts one connection, if one is there, and serves it. */
static void accept_one(struct worker *w)
{
	int fd = accept4(POOL_FD_LISTENER, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		accept_failed(errno);
		return;
	}
	serve(w, fd);
	(void)close(fd);
	score_end(w->start->score, clock_ms());
	if (w->options->max_requests > 0 && w->served >= w->options->max_requests)
		leave(WORKER_LEFT);
}

/* Told to stop: the connections that wait are served first, for a time that
 * leaves room for the last of them within the pool's own bound. */
static _Noreturn void drain(struct worker *w)
{
	uint64_t window = w->options->request_terminate_timeout * 500;
	uint64_t until = clock_ms() + (window > 3000 ? window : 3000);

	/* Busy all the while: the master kills who is idle now. */
	score_begin(w->start->score, clock_ms());
	while (clock_ms() < until && poll_one(POOL_FD_LISTENER, 0)) {
		accept_one(w);
		score_begin(w->start->score, clock_ms());
	}
	leave(WORKER_LEFT);
}

static void open_events(struct worker *w)
{
	struct epoll_event on_link = { .events = EPOLLIN, .data.fd = w->start->link };
	/* Exclusive: one connection wakes one worker. */
	struct epoll_event on_listener = { .events = EPOLLIN | EPOLLEXCLUSIVE,
					   .data.fd = POOL_FD_LISTENER };

	w->events = epoll_create1(EPOLL_CLOEXEC);
	if (w->events < 0 ||
	    epoll_ctl(w->events, EPOLL_CTL_ADD, w->start->link, &on_link) < 0 ||
	    epoll_ctl(w->events, EPOLL_CTL_ADD, POOL_FD_LISTENER, &on_listener) < 0)
		leave(WORKER_LISTENER);
}

static _Noreturn void accept_for_ever(struct worker *w)
{
	uint64_t idle_since = clock_ms();

	while (!w->is_told) {
		struct epoll_event got = { 0 };
		uint64_t left = clock_passed(idle_since + w->idle_ms, clock_ms());
		int n = epoll_wait(w->events, &got, 1, w->idle_ms ? (int)left : -1);

		if (n == 0)
			leave(WORKER_LEFT);
		if (n < 0)
			continue;	/* EINTR: nothing else can happen here */
		if (got.data.fd == w->start->link) {
			heed(w);
			continue;
		}
		accept_one(w);
		idle_since = clock_ms();
	}
	drain(w);
}

void worker_part_from_master(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!mutant_is_off("worker-descriptors")) {
		(void)close(POOL_FD_REPORT);
		(void)close(POOL_FD_SPEC);
		(void)close(POOL_FD_BOARD);	/* the mapping stays */
	}
	/* The master keeps one of its own, or a worker could make it wait for the log. */
	(void)dup3(STDERR_FILENO, POOL_FD_LOG, O_CLOEXEC);
	(void)prctl(PR_SET_NAME, "php: worker");
}

void worker_run(const struct worker_start *start)
{
	static struct worker w;	/* large: its buffer */
	const struct options *o = &start->pool->spec->options;
	struct err err = { 0 };

	w.start = start;
	w.options = o;
	w.idle_ms = o->pm == PM_ONDEMAND ? o->process_idle_timeout * 1000 : 0;
	worker_part_from_master();
	runtime_child();
	open_events(&w);
	if (answer_init(&w.answer, &err) < 0 || filter_load(&err) < 0) {
		errlog_write(err.text);
		leave(WORKER_FAILED);
	}
	if (o->request_slowlog_timeout > 0 && !runtime_watch_slow(start->score))
		errlog_write("this worker writes no slow log: no process is free for its thread");
	atomic_store(&start->score->pid, (int32_t)getpid());
	score_end(start->score, clock_ms());
	accept_for_ever(&w);
}
