/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow log.  The master says when a request is slow; a thread of the worker
 * then asks PHP for an interrupt between two instructions, where PHP's stack can
 * be read, and the worker writes it.  A signal would end the sleep or the wait
 * that the script may be in; and nobody needs to look into the process from
 * outside.  Where PHP does not come back from one native call, the thread says so.
 */
#include "pool/sapi.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pool/clock.h"
#include "schema/pool_spec.h"

#define DEPTH 20		/* PHP-FPM's request_slowlog_trace_depth */
#define NATIVE_MS 1000		/* an interrupt comes in no time where PHP runs its own code */
#define STACK (64 * 1024)

static struct score *own;
static int out = POOL_FD_LOG;
static _Atomic bool is_wanted;
static void (*next_interrupt)(zend_execute_data *);

/* One entry: a pipe takes up to PIPE_BUF bytes at once or not at all. */
struct entry {
	char text[PIPE_BUF];
	size_t size;
};

static void add(struct entry *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct entry *e, const char *fmt, ...)
{
	size_t room = sizeof(e->text) - e->size;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(e->text + e->size, room, fmt, args);
	va_end(args);
	if (n > 0)
		e->size += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_head(struct entry *e)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };
	char stamp[40] = "";
	uint64_t took = clock_passed(clock_ms(), atomic_load(&own->since));

	(void)strftime(stamp, sizeof(stamp), "%d-%b-%Y %H:%M:%S", gmtime_r(&now, &tm));
	add(e, "\n[%s]  [pool %s] pid %d\n", stamp, sapi_state.pool->spec->site, (int)getpid());
	add(e, "script_filename = %s\n", own->script);
	add(e, "request = %s %s\nrequest_id = %s\nrunning = %llu.%03llu s\n", own->method, own->uri,
	    own->id, (unsigned long long)took / 1000, (unsigned long long)took % 1000);
}

static void put(const struct entry *e)
{
	if (write(out, e->text, e->size) < 0)
		return;		/* the pipe is full: this entry is lost */
}

static const zend_execute_data *user_frame(const zend_execute_data *ex)
{
	while (ex && (!ex->func || !ZEND_USER_CODE(ex->func->type)))
		ex = ex->prev_execute_data;
	return ex;
}

static void add_place(struct entry *e, const zend_execute_data *ex)
{
	ex = user_frame(ex);
	if (ex)
		add(e, "%s:%u\n", ZSTR_VAL(ex->func->op_array.filename), ex->opline->lineno);
	else
		add(e, "[internal]\n");
}

static void write_stack(const zend_execute_data *ex)
{
	struct entry e = { .size = 0 };
	int depth = 0;

	add_head(&e);
	add(&e, "at ");
	add_place(&e, ex);
	for (; ex && depth < DEPTH; ex = ex->prev_execute_data) {
		const zend_function *f = ex->func;

		if (!f || !f->common.function_name)
			continue;	/* a file's own code: shown by what it has called */
		add(&e, "[0x%016llx] %s%s%s() ", (unsigned long long)(uintptr_t)ex,
		    f->common.scope ? ZSTR_VAL(f->common.scope->name) : "",
		    f->common.scope ? "::" : "", ZSTR_VAL(f->common.function_name));
		add_place(&e, ex->prev_execute_data);
		depth++;
	}
	put(&e);
}

static void on_interrupt(zend_execute_data *ex)
{
	if (atomic_exchange(&is_wanted, false) && sapi_state.request)
		write_stack(ex);
	if (next_interrupt)
		next_interrupt(ex);
}

static bool is_taken(uint32_t turn)
{
	return !atomic_load(&is_wanted) || atomic_load(&own->turn) != turn;
}

static void write_note(void)
{
	struct entry e = { .size = 0 };

	add_head(&e);
	add(&e, "PHP is inside one native call (database, network, sleep, a loop of an "
		"extension) and has not come back: its stack follows when it does\n");
	put(&e);
}

static void *watch(void *unused)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000000 };
	uint32_t seen = atomic_load(&own->slow);

	for (;;) {
		(void)syscall(SYS_futex, &own->slow, FUTEX_WAIT, seen, NULL, NULL, 0);
		if (atomic_load(&own->slow) == seen)
			continue;
		seen = atomic_load(&own->slow);
		uint32_t turn = atomic_load(&own->turn);

		if (!score_is_busy(turn))
			continue;
		atomic_store(&is_wanted, true);
		zend_atomic_bool_store(&EG(vm_interrupt), true);
		for (int ms = 0; ms < NATIVE_MS && !is_taken(turn); ms += 50)
			(void)nanosleep(&pause, NULL);
		if (!is_taken(turn))
			write_note();
	}
	return unused;
}

void sapi_slow_forget(void)
{
	atomic_store(&is_wanted, false);
}

bool runtime_watch_slow(struct score *score)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	struct stat st;
	int rc = 0;

	own = score;
	/* Where no pipe was given for it: to the other log. */
	if (fstat(POOL_FD_SLOW, &st) == 0 && S_ISFIFO(st.st_mode))
		out = POOL_FD_SLOW;
	next_interrupt = zend_interrupt_function;
	zend_interrupt_function = on_interrupt;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attributes, STACK);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	/* Signals are for PHP's own thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attributes, watch, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return rc == 0;
}
