/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises, from promises.def, and what can come of trying one.  The outcome
 * goes from tenant-probe to the supervisor and on to control as struct wire_promise.
 */
#ifndef SCHEMA_PROMISES_H
#define SCHEMA_PROMISES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/wire.h"

enum promise_class {
	PROMISE_FILES, PROMISE_PROC, PROMISE_FASTCGI, PROMISE_CACHE, PROMISE_PROCESSES,
	PROMISE_KERNEL, PROMISE_NETWORK, PROMISE_RESOURCES, PROMISE_PERSISTENCE,
	PROMISE_CONTROL, PROMISE_MAIL, PROMISE_CLASSES
};

enum promise_severity { PROMISE_BREACH, PROMISE_DOS, PROMISE_INFO, PROMISE_SURFACE };

struct promise_row {
	const char *id;
	enum promise_class class;
	enum promise_severity severity;
	const char *probe;	/* name in sandbox/probe; NULL: only TEST tries it */
	const char *argument;	/* of the probe */
	const char *test;	/* "root/test_x.py::test_y" below tests/, or NULL */
	const char *walls, *control, *sentence;
};

extern const struct promise_row promise_rows[];
extern const int promise_row_count;

/* "files", "/proc and names" ... / "breach" ... */
const char *promise_class_word(enum promise_class c);
const char *promise_severity_word(enum promise_severity s);

enum promise_outcome {
	PROMISE_HELD = 1,
	PROMISE_BROKEN,
	PROMISE_UNPROVEN,	/* the control failed: the attempt says nothing */
	PROMISE_SKIPPED,	/* the plan allows it, or this kernel has no such thing */
};

const char *promise_outcome_word(uint32_t outcome);	/* NULL: no outcome */

/* Checks one from elsewhere: known row that is tried inside, known outcome, a
 * text that ends; what is not printable in it becomes '?'.  False: refuse it. */
bool promise_check(struct wire_promise *r);

#endif
