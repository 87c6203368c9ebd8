/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tenant-probe's attempts share.  Each row of schema/promises.def that is
 * tried from inside is one function probe_<name>.  It runs in a process of its
 * own behind the pool master's filter, and makes the attempt itself with
 * probe_try(), where a script of the site would run.
 *
 * First the control: the same act where it is allowed.  If that fails, so would
 * the attempt for the wrong reason, and the row is unproven.
 */
#ifndef SANDBOX_PROBE_PROBE_H
#define SANDBOX_PROBE_PROBE_H

#include <stdbool.h>

#include "schema/pool_spec.h"
#include "schema/promises.h"

struct probe {
	const struct pool_spec *spec;	/* of the tenant whose cage this is */
	bool has_programs;		/* its plan lets scripts start programs */
	bool has_jit;			/* and PHP make machine code */
	char program[POOL_PATH_MAX];	/* this very program, as the cage names it */
	int strays;			/* descriptors that it was not meant to get */
	char stray[64];			/* what one of them is */
	char text[PROMISE_TEXT_MAX];	/* of the result */
};

#define PROBE_SCRATCH "tmp/.tenant-probe"	/* what attempts make, below the home */
#define PROBE_PROGRAMS_ALLOWED "the plan allows programs"	/* why one is skipped */
#define PROBE_NAME_MAX 64	/* of one component of a path */

typedef enum promise_outcome probe_attempt(struct probe *p, const char *argument);

/* How an attempt went. */
struct tried {
	long value;		/* what it returned */
	int error;		/* errno, if that was negative */
	int signal;		/* that ended it; 0: none */
	bool is_silent;		/* it ended without a word: another program took its place */
};

/* Runs ATTEMPT in a child behind the worker's filter. */
struct tried probe_try(long (*attempt)(const char *argument), const char *argument);

/* True if the filter or the kernel said no: EPERM, EACCES, EROFS, or SIGSYS. */
bool probe_is_refused(const struct tried *t);

/* HELD if it was refused, else BROKEN; the text says what came of WHAT. */
enum promise_outcome probe_judge(struct probe *p, const struct tried *t, const char *what);

/* Notes why, and returns OUTCOME. */
enum promise_outcome probe_say(struct probe *p, enum promise_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The controls that many attempts share: a harmless call, and making a file at home.
 * If false, the text says why the row is unproven. */
bool probe_can_call(struct probe *p);
bool probe_can_write(struct probe *p);

/* For probe_try(): opens what is there for writing, and writes nothing. */
long probe_open_for_writing(const char *path);

/* The first component of an absolute path; OUT, cut where it is longer. */
const char *probe_top(const char *path, char out[PROBE_NAME_MAX]);

/* The start of the line behind the one at AT: "" behind the last. */
const char *probe_next_line(const char *at);

/* A path below the home, in one buffer per call of the process.  Fits. */
const char *probe_home(const struct probe *p, const char *below);

/* Calls back for each entry of a folder but . and ..; the number of entries, or -1
 * with errno, also where the folder cannot be read to its end. */
int probe_list(const char *path, void (*each)(const char *name, void *arg), void *arg);

/* A file of /proc as text, or NULL; the buffer is used again by the next call. */
const char *probe_read(const char *path);

#define INSIDE(id, class, severity, probe, argument, walls, control, sentence) \
	probe_attempt probe_##probe;
#define OUTSIDE(id, class, severity, test, walls, control, sentence)
#include "schema/promises.def"
#undef INSIDE
#undef OUTSIDE

#endif
